"""gitignore rules as a chain of rule files, deepest first.

Follows git: the deepest file with a matching pattern decides, the last match within a file wins, and nothing below an
excluded directory can be included again (the walk does not go there). Pattern syntax is dulwich's translation. The same
chain serves the walk (rules read from files) and rollback (rules read from a savepoint's tree).
"""

from __future__ import annotations

import io
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass

from dulwich.ignore import read_ignore_patterns, translate
from dulwich.wildmatch import MalformedPattern

from vcr_acid.store.git_config import read_settings, user_file
from vcr_acid.store.layout import Layout


@dataclass(frozen=True)
class _Pattern:
    expression: re.Pattern[bytes]
    excludes: bool
    directories_only: bool


def _compile(line: bytes, flags: int) -> tuple[_Pattern, bytes] | None:
    excludes = not line.startswith(b"!")
    body = line if excludes else line[1:]
    if excludes and body[:2] in (b"\\!", b"\\#"):
        body = body[1:]
    directories_only = body.endswith(b"/")
    body = body.rstrip(b"/") if directories_only else body
    if not body.strip(b"/") or _ends_in_escape(body):
        return None
    try:
        source = translate(body).replace(b"(?ms)", b"", 1)
        return _Pattern(re.compile(source, flags), excludes, directories_only), source
    except (MalformedPattern, ValueError, re.error):
        return None  # for git, too, a pattern that it cannot read matches nothing


def _ends_in_escape(body: bytes) -> bool:
    """Whether a pattern ends in a backslash that escapes nothing: git matches nothing with it."""
    return (len(body) - len(body.rstrip(b"\\"))) % 2 == 1


class RuleFile:
    """The patterns of one ignore file."""

    def __init__(self, text: bytes, *, ignore_case: bool = False) -> None:
        self.text = text
        flags = re.MULTILINE | re.DOTALL | (re.IGNORECASE if ignore_case else 0)
        found = [c for c in (_compile(line, flags) for line in read_ignore_patterns(io.BytesIO(text))) if c]
        self._patterns = [pattern for pattern, _ in reversed(found)]
        # One look with every pattern at once answers the common case, "nothing here speaks of this path".
        self._any = re.compile(b"|".join(b"(?:%s)" % source for _, source in found), flags) if found else None

    def decide(self, path: bytes, is_directory: bool) -> bool | None:
        """True: excluded, False: included again, None: not mentioned."""
        if self._any is None or self._any.match(path) is None:
            return None
        for pattern in self._patterns:
            if pattern.directories_only and not is_directory:
                continue
            if pattern.expression.match(path):
                return pattern.excludes
        return None


class RuleChain:
    """Rule files that apply in one directory, as a linked list towards the top.

    ``base`` is the length of the directory's path (with its slash), counted from the worktree's top, that patterns do
    not see.
    """

    __slots__ = ("_base", "_file", "_parent")

    def __init__(self, file: RuleFile, base: int, parent: RuleChain | None) -> None:
        self._file = file
        self._base = base
        self._parent = parent

    def ignores(self, path: bytes, is_directory: bool) -> bool:
        """Whether a path (from the worktree's top) is ignored, given that its directory is not."""
        link: RuleChain | None = self
        while link is not None:
            verdict = link._file.decide(path[link._base :], is_directory)
            if verdict is not None:
                return verdict
            link = link._parent
        return False


@dataclass(frozen=True)
class RuleSources:
    """The rule files that lie outside the workspace: user-wide, ``info/exclude``, and parents of a subdirectory."""

    texts: tuple[tuple[int, bytes], ...]
    stamps: tuple[tuple[str, int, int], ...]
    ignore_case: bool

    def chain(self) -> RuleChain | None:
        """The chain that holds at the workspace's top."""
        link: RuleChain | None = None
        for base, text in self.texts:
            link = RuleChain(RuleFile(text, ignore_case=self.ignore_case), base, link)
        return link

    def to_json(self) -> list[list[object]]:
        """As plain values for a savepoint's manifest."""
        return [[base, text.decode("utf-8", "surrogateescape")] for base, text in self.texts]


def extend_chain(chain: RuleChain | None, text: bytes, base: int, *, ignore_case: bool = False) -> RuleChain | None:
    """``chain`` with one more, deeper rule file."""
    file = RuleFile(text, ignore_case=ignore_case)
    return RuleChain(file, base, chain)


def chain_from_json(value: Sequence[Sequence[object]]) -> RuleChain | None:
    """The chain stored by :meth:`RuleSources.to_json`."""
    link: RuleChain | None = None
    for base, text in value:
        link = RuleChain(RuleFile(str(text).encode("utf-8", "surrogateescape")), int(str(base)), link)
    return link


def _stamp(path: str) -> tuple[str, int, int]:
    try:
        status = os.stat(path)
    except OSError:
        return (path, 0, -1)
    return (path, status.st_mtime_ns, status.st_size)


def _read(path: str) -> bytes | None:
    try:
        with open(path, "rb") as stream:
            return stream.read()
    except OSError:
        return None


def read_sources(layout: Layout) -> RuleSources:
    """Collect the rule files outside the workspace, lowest priority first."""
    config = read_settings(layout)
    files: list[tuple[str, int]] = [
        (user_file(config, b"excludesFile", "ignore"), 0),
        (os.path.join(layout.common_dir, "info", "exclude"), 0),
    ]
    directory, base = layout.top, 0
    for part in layout.prefix.split("/") if layout.prefix else ():
        files.append((os.path.join(directory, ".gitignore"), base))
        directory = os.path.join(directory, part)
        base += len(os.fsencode(part)) + 1
    texts = [(base, text) for path, base in files if (text := _read(path)) is not None]
    ignore_case = config.get_boolean((b"core",), b"ignorecase", False)
    return RuleSources(tuple(texts), tuple(_stamp(path) for path, _ in files), bool(ignore_case))


def sources_changed(sources: RuleSources) -> bool:
    """Whether a rule file outside the workspace changed since it was read."""
    return any(_stamp(path) != (path, mtime, size) for path, mtime, size in sources.stamps)
