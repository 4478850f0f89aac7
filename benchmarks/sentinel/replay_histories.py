"""Replay real histories: every file that differs between neighbouring releases is one write.

`python benchmarks/sentinel/replay_histories.py` prints, over all packages of `corpus.py` (or those named):
service time of the fast lane, whether incremental facts equal those of a full parse, and the noise: findings per write
by rule. `--filler N` adds N files of other packages to each index (default: up to 2,000 files); `--slow` also runs the
near-miss lane inline; `--hunks` makes each hunk of a difference a write of its own, as an agent's edits are;
`--dump FILE` writes all findings with their source lines, for reading by hand.
"""

from __future__ import annotations

import argparse
import ast
import gc
import json
import sys
import tempfile
import time
from collections import Counter
from difflib import SequenceMatcher
from pathlib import Path

import corpus

from vcr_sentinel.config import Config
from vcr_sentinel.document import Document
from vcr_sentinel.file_check import check_whole
from vcr_sentinel.findings import Finding
from vcr_sentinel.guard import CheckResult, Sentinel
from vcr_sentinel.index import IndexedFile
from vcr_sentinel.source_text import SourceError, to_utf8

INDEX_FILES = 2000


def flat_facts(document: Document) -> Counter[tuple[object, ...]]:
    """All facts of a document with absolute lines, free of where chunks begin."""
    facts: list[tuple[object, ...]] = []
    first = 1
    for chunk in document.chunks:
        core, detail = chunk.core, chunk.detail
        for item, grams in zip(core.functions, detail.grams, strict=True):
            facts.append(
                ("f", item._replace(start=item.start + first, line=item.line + first, end=item.end + first), grams)
            )
        facts += [("c", item._replace(line=item.line + first)) for item in core.classes]
        # A name bound by `global` has no line of its own; how often it is seen depends on the cut.
        facts += [("b", item._replace(line=item.line + first if item.line >= 0 else -1)) for item in core.bindings]
        facts += [("i", item._replace(line=item.line + first)) for item in core.imports]
        facts += [("k", item._replace(line=item.line + first)) for item in detail.calls]
        facts += [("s", item._replace(line=item.line + first)) for item in detail.swallowed]
        facts.append(("d", core.dynamic)) if core.dynamic else None
        first += chunk.lines
    return Counter(facts)


def percentile(values: list[float], share: float) -> float:
    """The value below which `share` of the sorted values lie."""
    return values[min(len(values) - 1, int(len(values) * share))] if values else 0.0


class Replay:
    """Counts over all packages."""

    def __init__(self, *, slow: bool, verify: bool, hunks: bool) -> None:
        self.slow = slow
        self.verify = verify
        self.hunks = hunks
        self.service: list[float] = []
        self.whole: list[float] = []
        self.cpu: list[float] = []
        self.writes = 0
        self.new_files = 0
        self.unequal: list[str] = []
        self.found: Counter[str] = Counter()
        self.full_parses = 0
        self.overtaken = 0
        self.dump: list[dict[str, object]] = []

    def package(self, name: str, releases: list[Path], filler: list[Path]) -> None:
        """Replay one package's releases."""
        with tempfile.TemporaryDirectory() as folder:
            gc.disable()
            config = Config(exclude=("tests/data/*",), ruff=False)
            mode = "inline" if self.slow else "off"
            sentinel = Sentinel(root=folder, config=config, persist=False, slow_lane=mode)
            sentinel.on_result(self._note)
            state: dict[str, bytes] = {}
            add_filler(sentinel, filler, INDEX_FILES)
            for number, release in enumerate(releases):
                now = {str(path.relative_to(release)): path.read_bytes() for path in sorted(release.rglob("*.py"))}
                first_dumped = len(self.dump)
                for gone in sorted(state.keys() - now.keys()):
                    sentinel.deleted(gone)
                for path in sorted(now):
                    for text in self._steps(state.get(path), now[path]):
                        self._write(sentinel, name, path, text, first_release=number == 0, known=path in state)
                state = now
                self._settle(sentinel, first_dumped)
                # As the daemon does: no collection while a write is answered, one when idle, the index set aside.
                gc.collect()
                gc.freeze()
            gc.unfreeze()
            sentinel.close()

    def _settle(self, sentinel: Sentinel, first: int) -> None:
        """Say of each finding of a release whether it still holds when all its files are written."""
        for item in self.dump[first:]:
            path = str(item["path"])
            whole = check_whole(sentinel.project, sentinel.modules, path, known=None)
            standing = {found.fingerprint for found in whole}
            sizes = {found.symbol for found in whole if found.code.startswith("VS2")}
            near = item["code"] == "VS103" and item["related_identity"] in self._all_functions(sentinel, item)
            size = str(item["code"]).startswith("VS2") and item["symbol"] in sizes
            item["holds_at_the_end"] = item["fingerprint"] in standing or near or size
            self.overtaken += not item["holds_at_the_end"]

    def _all_functions(self, sentinel: Sentinel, item: dict[str, object]) -> set[str]:
        other = str(item["related_identity"]).partition("::")[0]
        file = sentinel.project.index.files.get(other)
        return {f"{other}::{facts.qualname}" for _, facts in file.functions()} if file is not None else set()

    def _steps(self, old: bytes | None, new: bytes) -> list[bytes]:
        """The writes that lead from one release's text to the next: one, or with `--hunks` one for each hunk."""
        if old is None or old == new or not self.hunks:
            return [] if old == new else [new]
        before, after = old.splitlines(keepends=True), new.splitlines(keepends=True)
        steps: list[bytes] = []
        for tag, _, stop, _, end in SequenceMatcher(None, before, after).get_opcodes():
            if tag == "equal":
                continue
            text = b"".join(after[:end] + before[stop:])
            try:
                ast.parse(text)
            except (SyntaxError, ValueError):
                continue  # what does not parse half-way goes with the next hunk
            steps.append(text)
        return steps if steps and steps[-1] == new else [*steps, new]

    def _note(self, result: CheckResult) -> None:
        self.last = result

    def _write(
        self, sentinel: Sentinel, package: str, path: str, source: bytes, *, first_release: bool, known: bool
    ) -> None:
        started, cpu = time.perf_counter(), time.thread_time()
        findings = sentinel.check(path, source)
        elapsed = (time.perf_counter() - started) * 1e3
        used = (time.thread_time() - cpu) * 1e3
        sentinel.project.trim()  # as the slow lane does behind each write
        if first_release:
            if self.slow:
                sentinel._lane._jobs.clear()
            return
        document = sentinel.project.document(path)
        if document is None:
            return
        self.writes += 1
        self.new_files += not known
        (self.service if known else self.whole).append(elapsed)
        self.cpu.append(used)
        self.full_parses += known and document.parsed_whole
        if self.slow:
            sentinel.drain()
            findings += sentinel.pending()
        for item in findings:
            self.found[f"{item.code} {item.severity.value}"] += 1
            self.dump.append({"package": package, **item.as_dict(), **context(document, item)})
        if self.verify:
            try:
                reference = Document(to_utf8(source))
            except SourceError:
                return
            if flat_facts(reference) != flat_facts(document):
                self.unequal.append(f"{package} {path}")

    def duplicates(self) -> int:
        """How many duplicate findings there are so far."""
        return sum(count for code, count in self.found.items() if code.startswith("VS1"))

    def report(self) -> None:
        """Print everything."""
        edits, whole = sorted(self.service), sorted(self.whole)
        both = sorted(edits + whole)
        print(
            f"writes {self.writes}: {len(edits)} to known files ({self.full_parses} parsed whole), "
            f"{len(whole)} new files"
        )
        for name, values in (
            ("all writes", both),
            ("  CPU time", sorted(self.cpu)),
            ("known files", edits),
            ("new files", whole),
        ):
            slow = sum(value > 10 for value in values) / max(1, len(values))
            shares = "  ".join(f"p{int(share * 100)} {percentile(values, share):.2f}" for share in (0.5, 0.95, 0.99))
            print(f"  {name:12} ms: {shares}  above 10 ms: {slow:.2%}")
        if self.verify:
            print(f"incremental differs from full parse on {len(self.unequal)} of {self.writes}", self.unequal[:5])
        print(
            f"findings {len(self.dump)}, of which {self.overtaken} are overtaken by a later write of the same release"
        )
        per = self.writes or 1
        duplicates = self.duplicates()
        sizes = sum(count for code, count in self.found.items() if code.startswith("VS2"))
        print(
            f"noise: {duplicates / per * 100:.2f} duplicate findings per 100 writes, "
            f"{sizes / per:.3f} size findings a write"
        )
        for code, count in sorted(self.found.items()):
            print(f"  {code:16} {count:6}  {count / per * 100:.2f} per 100 writes")


def context(document: Document, item: Finding) -> dict[str, object]:
    """The lines a reader needs."""
    line = item.line - 1
    return {"source": b"".join(document.lines[max(0, line - 1) : line + 12]).decode("utf-8", "replace")}


_filler: list[tuple[str, str, Document]] = []


def add_filler(sentinel: Sentinel, folders: list[Path], wanted: int) -> None:
    """Index files of other packages under `zz_filler/`, so that the index has a realistic size."""
    if folders and not _filler:
        for folder in folders:
            for path in sorted(folder.rglob("*.py"))[: wanted // 4]:
                try:
                    document = Document(to_utf8(path.read_bytes()))
                except SourceError:
                    continue
                _filler.append((folder.name, f"zz_filler/{folder.name}/{path.relative_to(folder)}", document))
    allowed = {folder.name for folder in folders}
    index = sentinel.project.index
    for name, path, document in _filler:
        if name in allowed and len(index.files) < wanted:
            index.put(IndexedFile(path, document.chunks))


def main(arguments: list[str]) -> int:
    """Run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("packages", nargs="*")
    parser.add_argument("--slow", action="store_true")
    parser.add_argument("--no-verify", action="store_true")
    parser.add_argument("--hunks", action="store_true")
    parser.add_argument("--filler", type=int, default=INDEX_FILES)
    parser.add_argument("--dump", type=Path)
    options = parser.parse_args(arguments)
    histories = dict(corpus.histories())
    replay = Replay(slow=options.slow, verify=not options.no_verify, hunks=options.hunks)
    for name in options.packages or histories:
        others = (
            [folders[-1] for other, folders in histories.items() if other != name and folders] if options.filler else []
        )
        started = time.perf_counter()
        before, copies = replay.writes, replay.duplicates()
        replay.package(name, histories[name], others)
        print(
            f"{name}: {replay.writes - before} writes, {replay.duplicates() - copies} duplicate findings, "
            f"{time.perf_counter() - started:.0f} s",
            file=sys.stderr,
            flush=True,
        )
    replay.report()
    if options.dump:
        options.dump.write_text("\n".join(json.dumps(item) for item in replay.dump), encoding="utf-8")
    return int(bool(replay.unequal))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
