"""A process that reads and indexes files for the cold start of a large project.

Started as `python -m vcr_sentinel.index_worker`: paths come on stdin as JSON, rows leave on stdout, each a
length-prefixed msgpack tuple. It decides nothing.
"""

from __future__ import annotations

import gc
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec

from vcr_sentinel.document import Document
from vcr_sentinel.index import marked_generated
from vcr_sentinel.index_store import Row, encode_row
from vcr_sentinel.source_text import SourceError, to_utf8

_ROW = msgspec.msgpack.Decoder(Row)


def index_file(root: Path, path: str, stamp: tuple[int, int]) -> Row | None:
    """The row of a file; an empty one where it does not parse, `None` where it cannot be read."""
    try:
        text = to_utf8((root / path).read_bytes())
        return encode_row(path, stamp, Document(text), generated=marked_generated(text))
    except SourceError:
        return Row(path, *stamp, 0, b"", b"", b"")
    except OSError:
        return None


def index_files(root: Path, files: list[tuple[str, tuple[int, int]]], *, workers: int) -> Iterator[Row]:
    """Rows of many files, by so many processes; in this process for one worker."""
    if workers <= 1:
        for path, stamp in files:
            row = index_file(root, path, stamp)
            if row is not None:
                yield row
        return
    processes = [_start(root, files[number::workers]) for number in range(workers)]
    try:
        for process in processes:
            yield from _rows(process)
    finally:
        for process in processes:
            process.kill()
            process.wait()


def _start(root: Path, files: list[tuple[str, tuple[int, int]]]) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(
        [sys.executable, "-m", "vcr_sentinel.index_worker"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdin is not None
    process.stdin.write(json.dumps([str(root), files]).encode())
    process.stdin.close()
    return process


def _rows(process: subprocess.Popen[bytes]) -> Iterator[Row]:
    stream = process.stdout
    assert stream is not None
    while head := stream.read(4):
        yield _ROW.decode(stream.read(int.from_bytes(head, "little")))
    stream.close()


def main() -> None:
    """Serve one list of files."""
    gc.disable()  # trees die by reference count; a short-lived process needs no collector
    root, files = json.loads(sys.stdin.buffer.read())
    out = sys.stdout.buffer
    for path, (mtime_ns, size) in files:
        row = index_file(Path(root), path, (mtime_ns, size))
        if row is not None:
            data = msgspec.msgpack.encode(row)
            out.write(len(data).to_bytes(4, "little"))
            out.write(data)
    out.flush()


if __name__ == "__main__":
    main()
