"""gitattributes(5): which attributes a path has, from every file that git would ask."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Mapping

from dulwich.attrs import AttributeValue, Pattern, parse_git_attributes
from dulwich.config import Config
from dulwich.wildmatch import MalformedPattern

from vcr_acid.merge.tree_merge import find_entry
from vcr_acid.scanner.reading import NotRegular, read_regular
from vcr_acid.store.git_config import attribute_files
from vcr_acid.store.layout import Layout
from vcr_acid.store.objects import ObjectStore

Reader = Callable[[str], "bytes | None"]
"""Gives the text of a directory's ``.gitattributes``; paths count from the worktree's top."""

_Values = Mapping[bytes, AttributeValue]
_Rules = list[tuple[Pattern, _Values]]
_MACRO = b"[attr]"


def in_files(top: str) -> Reader:
    """Reads the files of a worktree."""

    def read(directory: str) -> bytes | None:
        path = os.path.join(top, directory, ".gitattributes")
        if os.path.islink(path):  # git does not follow it
            return None
        try:
            return read_regular(path)[0]
        except (FileNotFoundError, NotADirectoryError, NotRegular):
            return None

    return read


def in_tree(store: ObjectStore, tree: bytes | None) -> Reader:
    """Reads the files of a tree."""

    def read(directory: str) -> bytes | None:
        found = find_entry(store, tree, f"{directory}/.gitattributes" if directory else ".gitattributes")
        return store.read_blob(found[1]) if found and found[0] in (b"100644", b"100755") else None

    return read


def above(path: str, read: Reader) -> Reader:
    """Reads, with another reader, only in the directories that ``path`` lies in."""

    def read_above(directory: str) -> bytes | None:
        return read(directory) if path and path.startswith(directory and directory + "/") else None

    return read_above


class Attributes:
    """The attributes that hold for the paths of one worktree.

    Args:
        layout: Where the repository lies.
        config: Its settings.
        readers: Where directories' ``.gitattributes`` are looked for; the first one that has it decides.
    """

    def __init__(self, layout: Layout, config: Config, *readers: Reader) -> None:
        self._readers = readers
        self._macros: dict[bytes, _Values] = {b"binary": {b"diff": False, b"merge": False, b"text": False}}
        self._directories: dict[str, _Rules] = {}
        first, last = attribute_files(layout, config)
        self._first = [rule for path in first for rule in self._read_file(path)]
        self._top = self._parse(self._read(""), macros=True)
        self._last = self._read_file(last)

    def _read_file(self, path: str) -> _Rules:
        try:
            with open(path, "rb") as stream:
                return self._parse(stream.read(), macros=True)
        except (FileNotFoundError, NotADirectoryError):
            return []

    def _read(self, directory: str) -> bytes | None:
        return next((text for read in self._readers if (text := read(directory)) is not None), None)

    def _parse(self, text: bytes | None, *, macros: bool = False) -> _Rules:
        rules: _Rules = []
        for pattern, values in parse_git_attributes(io.BytesIO(text or b"")):
            if pattern.startswith(_MACRO):
                if macros:
                    self._macros[pattern.removeprefix(_MACRO)] = values
                continue
            try:
                rules.append((Pattern(pattern), values))
            except MalformedPattern:
                continue  # for git, too, a pattern that it cannot read matches nothing
        return rules

    def of(self, path: str) -> dict[bytes, AttributeValue]:
        """The attributes of a path; what is unspecified is absent."""
        found: dict[bytes, AttributeValue] = {}
        self._match(found, self._first, path)
        self._match(found, self._top, path)
        for place in [place for place, letter in enumerate(path) if letter == "/"]:
            directory = path[:place]
            if directory not in self._directories:
                self._directories[directory] = self._parse(self._read(directory))
            self._match(found, self._directories[directory], path[place + 1 :])
        self._match(found, self._last, path)
        return found

    def _match(self, found: dict[bytes, AttributeValue], rules: _Rules, path: str) -> None:
        name = os.fsencode(path)
        for pattern, values in rules:
            if pattern.match(name):
                self._set(found, values)

    def _set(self, found: dict[bytes, AttributeValue], values: _Values, *within: bytes) -> None:
        for name, value in values.items():
            if value is None:
                found.pop(name, None)
                continue
            found[name] = value
            if value is True and name in self._macros and name not in within:
                self._set(found, self._macros[name], *within, name)
