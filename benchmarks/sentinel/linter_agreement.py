"""Complexity against ruff's C901 and parameters against its PLR0913, function by function.

`python benchmarks/sentinel/linter_agreement.py` prints both counts over the standard library and the newest release of
each package in `corpus.py`. Exit code 1 when C901 differs anywhere or PLR0913 on more than one function in 10,000.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import corpus

from vcr_sentinel.document import Document
from vcr_sentinel.source_text import SourceError, to_utf8

_SETTINGS = ["--isolated", "--no-cache", "--ignore-noqa", "--select", "C901,PLR0913", "--output-format", "json",
             "--target-version", f"py3{min(sys.version_info[1], 14)}",
             "--config", "lint.mccabe.max-complexity=0", "--config", "lint.pylint.max-args=0"]  # fmt: skip


def by_ruff(paths: list[Path]) -> dict[tuple[str, str, int], int]:
    """`(code, file, line) -> number` as ruff reports it."""
    ruff = shutil.which("ruff", path=str(Path(sys.executable).parent)) or "ruff"
    found: dict[tuple[str, str, int], int] = {}
    for start in range(0, len(paths), 300):
        batch = [str(path) for path in paths[start : start + 300]]
        done = subprocess.run([ruff, "check", *_SETTINGS, *batch], capture_output=True, check=False)
        for item in json.loads(done.stdout or b"[]"):
            if item["code"] in {"C901", "PLR0913"}:
                number = int(item["message"].rpartition("(")[2].split()[0])
                found[item["code"], item["filename"], item["location"]["row"]] = number
    return found


def compare(paths: list[Path]) -> tuple[dict[str, list[int]], list[str]]:
    """`code -> [equal, all]` and the functions that differ."""
    theirs = by_ruff(paths)
    counts = {"C901": [0, 0], "PLR0913": [0, 0]}
    differing: list[str] = []
    unread = 0
    for path in paths:
        try:
            document = Document(to_utf8(path.read_bytes()))
        except SourceError:
            continue
        if not any(("C901", str(path), line) in theirs for line in range(1, len(document.lines) + 1)):
            unread += any(chunk.core.functions for chunk in document.chunks)  # ruff reads UTF-8 only
            continue
        first = 1
        for chunk in document.chunks:
            for facts in chunk.core.functions:
                line = first + facts.line
                measured = {"C901": facts.complexity, "PLR0913": facts.parameters}
                for code, ours in measured.items():
                    ruffs = theirs.get((code, str(path), line), 0)
                    counts[code][1] += 1
                    counts[code][0] += ours == ruffs
                    if ours != ruffs:
                        differing.append(f"{code} {path}:{line} {facts.qualname}: ours {ours}, ruff {ruffs}")
            first += chunk.lines
    if unread:
        print(f"  {unread} files that ruff did not read are left out")
    return counts, differing


def main(arguments: list[str]) -> int:
    """Compare every corpus; `--stdlib` leaves the packages out."""
    groups = {"standard library": [Path(sysconfig.get_path("stdlib"))]}
    if "--stdlib" not in arguments:
        groups |= {folder.name: [folder] for folder in corpus.latest_releases()}
    total = {"C901": [0, 0], "PLR0913": [0, 0]}
    differing: list[str] = []
    for name, roots in groups.items():
        paths = [path for root in roots for path in sorted(root.rglob("*.py")) if "site-packages" not in path.parts]
        counts, different = compare(paths)
        differing += different
        print(f"{name:24}", "   ".join(f"{code} {equal} of {all_}" for code, (equal, all_) in counts.items()))
        for code, (equal, all_) in counts.items():
            total[code][0] += equal
            total[code][1] += all_
    for code, (equal, all_) in total.items():
        print(f"{code}: equal on {equal} of {all_} functions ({equal / max(1, all_):.4%})")
    print(*differing[:20], sep="\n")
    complexity, parameters = total["C901"], total["PLR0913"]
    return int(complexity[0] != complexity[1] or parameters[0] < parameters[1] * 0.9999)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
