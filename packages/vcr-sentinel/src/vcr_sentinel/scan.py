"""`sentinel scan`: everything that stands in a project, not only what a write changed."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vcr_sentinel.baseline import Baseline
from vcr_sentinel.findings import Finding, Severity
from vcr_sentinel.fix import fix_file
from vcr_sentinel.guard import Sentinel
from vcr_sentinel.hook_client import VERSION
from vcr_sentinel.project import Project, collector_paused
from vcr_sentinel.rules_duplicates import dotted_module
from vcr_sentinel.source_text import NewerSyntaxError, SourceError, parse_whole, to_utf8
from vcr_sentinel.suppression import Allowed

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class ScanReport:
    """What a scan found.

    Attributes:
        files: how many files were looked at.
        findings: those that stand and no baseline accepts.
        accepted: how many a baseline accepts.
        allowed: what comments with a reason suppress.
    """

    files: int
    findings: list[Finding]
    accepted: int
    allowed: list[Allowed]


def scan(sentinel: Sentinel, *, baseline: Baseline | None = None, progress: Progress | None = None) -> ScanReport:
    """Look at every file of the sentinel's project."""
    known = baseline or Baseline()
    project = sentinel.project
    found, allowed, files = _recalled(project, known) or _look(sentinel, known, progress)
    if progress is not None:
        progress(files, files)
    new = known.new(found)
    return ScanReport(files, new, len(found) - len(new), allowed)


_Look = tuple[list[Finding], list[Allowed], int]


def _look(sentinel: Sentinel, known: Baseline, progress: Progress | None) -> _Look:
    project = sentinel.project
    found: list[Finding] = []
    allowed: list[Allowed] = []
    with collector_paused():
        paths = sorted(project.index.files)
        for number, path in enumerate(paths):
            kept, gone = sentinel.check_all(path, known=known.originals)
            found += kept
            allowed += gone
            if progress is not None and number % 50 == 0:
                progress(number, len(paths))
        unread = sorted(project.walk().keys() - project.index.files.keys())
        found += [finding for path in unread if (finding := _unreadable(project.root, path)) is not None]
    _remember(project, known, (found, allowed, len(paths) + len(unread)))
    return found, allowed, len(paths) + len(unread)


def _key(project: Project, known: Baseline) -> str:
    broken = sorted((path, stamp) for path, stamp in project.walk().items() if path not in project.index.files)
    return project.state_key(VERSION, sorted(known.originals), broken)


def _remember(project: Project, known: Baseline, look: _Look) -> None:
    found, allowed, files = look
    told = [item.as_dict() for item in found]
    silent = [{"finding": item.finding.as_dict(), "reason": item.reason} for item in allowed]
    data = {"key": _key(project, known), "found": told, "allowed": silent, "files": files}
    project.remember("scan", json.dumps(data))


def _recalled(project: Project, known: Baseline) -> _Look | None:
    """The last scan, where no file and no setting changed since."""
    text = project.recall("scan")
    data: dict[str, Any] = json.loads(text) if text else {}
    if data.get("key") != _key(project, known):
        return None
    allowed = [Allowed(Finding.from_dict(item["finding"]), item["reason"]) for item in data["allowed"]]
    return [Finding.from_dict(item) for item in data["found"]], allowed, data["files"]


def _unreadable(root: Path, path: str) -> Finding | None:
    from vcr_sentinel.file_check import does_not_parse  # noqa: PLC0415  # only for broken files

    try:
        parse_whole(to_utf8((root / path).read_bytes()))
    except NewerSyntaxError:
        return None
    except SourceError as exc:
        return does_not_parse(path, exc)
    except OSError:
        return None
    return None


def apply_fixes(sentinel: Sentinel, findings: list[Finding]) -> tuple[list[Finding], list[tuple[Finding, str]]]:
    """Rewrite the files that hold exact duplicates: `(mended, (refused, why))`."""
    mended: list[Finding] = []
    refused: list[tuple[Finding, str]] = []
    by_path: dict[str, list[Finding]] = {}
    for finding in findings:
        by_path.setdefault(finding.path, []).append(finding)
    for path, own in sorted(by_path.items()):
        file = sentinel.root / path
        raw = file.read_bytes()
        try:
            raw.decode("utf-8")
        except UnicodeDecodeError:
            refused += [(item, "the file is not UTF-8") for item in own if item.code == "VS101"]
            continue
        doubts = {item: why for item in own if item.code == "VS101" and (why := _doubt(sentinel, item))}
        refused += doubts.items()
        certain = [item for item in own if item not in doubts]
        modules = {item.fingerprint: _module_for(sentinel, item) for item in certain if item.code == "VS101"}
        fixed = fix_file(raw, certain, module_of=modules)
        if fixed.done:
            file.write_bytes(fixed.text)
            sentinel.written(path)
        mended += fixed.done
        refused += fixed.refused
    return mended, refused


def _doubt(sentinel: Sentinel, finding: Finding) -> str:
    """Why a program might work otherwise after the copy became an import; empty where nothing speaks for it."""
    file = sentinel.project.index.files[finding.path]
    names = file.names()
    if (
        finding.severity is not Severity.CRITICAL
        and "." not in finding.symbol + finding.related_identity.partition("::")[2]
    ):
        return "it cannot be told whether the two do the same"
    if any(facts.decorators for facts in file.by_qualname(finding.symbol)):
        return "its decorator may do more than change the function, such as register it"
    if len(names.bindings.get(finding.symbol, ())) + len(names.imports.get(finding.symbol, ())) > 1:
        return "the file binds its name more than once"
    original = finding.related_identity.partition("::")[0]
    if original != finding.path and sentinel.modules.reaches(original, finding.path):
        return f"{original} imports this module, so importing from it would be circular"
    return ""


def _module_for(sentinel: Sentinel, finding: Finding) -> str:
    """Dotted name under which the copy's file can import the original; empty where the two do not share a root."""
    original = finding.related_identity.partition("::")[0]
    modules = sentinel.modules
    root = modules.root_of(original)
    folder = finding.path.rpartition("/")[0]
    if folder != modules.root_of(finding.path) and not modules.is_package(folder):
        return ""  # below a package, yet none itself: it may be run as a script, from its own folder
    if root != modules.root_of(finding.path) and root not in {"", "src", "lib"}:
        return ""
    return dotted_module(original, root)


def terminal_progress(done: int, total: int) -> None:
    """A line on standard error that overwrites itself; nothing where that is no terminal."""
    if sys.stderr.isatty():
        end = "\n" if done >= total else ""
        print(f"\rsentinel: {done}/{total} files", end=end, file=sys.stderr, flush=True)
