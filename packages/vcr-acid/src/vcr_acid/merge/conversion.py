"""Attributes: what git would convert between a file and its blob, and what it would not merge by line.

Savepoints hold raw bytes; only what goes into the user's branch is converted, by the rules of gitattributes(5) for line
endings. A path with a content filter (LFS and the like), an encoding or ``ident`` is refused, because only git's own
programs can run those.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from dulwich.attrs import AttributeValue, compile_gitattributes_patterns, match_path, parse_git_attributes
from dulwich.attrs import Pattern as AttributePattern
from dulwich.config import ConfigFile

from vcr_acid.errors import CommitRefused
from vcr_acid.merge.lines import is_binary
from vcr_acid.scanner.nodes import TREE
from vcr_acid.scanner.trees import decode_tree
from vcr_acid.store.objects import ObjectStore

_Rules = list[tuple[AttributePattern, Mapping[bytes, AttributeValue]]]


def _setting(config: ConfigFile, section: tuple[bytes, ...], name: bytes) -> bytes:
    try:
        return bytes(config.get(section, name)).lower()
    except KeyError:
        return b""


class Conversion:
    """The conversions that hold for one tree."""

    def __init__(self, store: ObjectStore, tree: bytes | None, config: ConfigFile, common_dir: str) -> None:
        self._store = store
        self._tree = tree
        self._config = config
        self._autocrlf = _setting(config, (b"core",), b"autocrlf")
        self._eol = _setting(config, (b"core",), b"eol")
        self._directories: dict[str, _Rules] = {}
        self._info: _Rules = []
        path = os.path.join(common_dir, "info", "attributes")
        if os.path.exists(path):
            with open(path, "rb") as stream:
                self._info = self._parse(stream.read(), b"")

    @staticmethod
    def _parse(text: bytes, base: bytes) -> _Rules:
        lines = parse_git_attributes(_Lines(text.splitlines(keepends=True)))  # type: ignore[arg-type]  # it only iterates
        return list(compile_gitattributes_patterns(lines, base))

    def _rules(self, path: str) -> _Rules:
        tree, here = self._tree, ""
        rules: _Rules = []
        for part in ["", *path.split("/")[:-1]]:
            if part:
                entry = self._entries(tree).get(part)
                tree = entry[1] if entry and entry[0] == TREE else None
                here = f"{here}/{part}" if here else part
            if here not in self._directories:
                found = self._entries(tree).get(".gitattributes")
                text = self._store.read_blob(found[1]) if found and found[0] != TREE else b""
                self._directories[here] = self._parse(text, os.fsencode(here)) if text else []
            rules += self._directories[here]
        return rules + self._info

    def _entries(self, tree: bytes | None) -> dict[str, tuple[bytes, bytes]]:
        return decode_tree(self._store.read_blob(tree), self._store.id_length) if tree is not None else {}

    def attributes(self, path: str) -> Mapping[bytes, AttributeValue]:
        """The attributes of a path."""
        found = dict(match_path(self._rules(path), os.fsencode(path)))
        if found.get(b"binary") is True:
            found.update({b"text": False, b"merge": False, b"diff": False})
        return found

    def keep_whole(self, path: str) -> bool:
        """Whether the path must not be merged by line."""
        attributes = self.attributes(path)
        return attributes.get(b"merge") not in (None, True, b"text") or attributes.get(b"conflict-marker-size") == b"0"

    def _is_text(self, attributes: Mapping[bytes, AttributeValue], data: bytes) -> bool:
        text = attributes.get(b"text", attributes.get(b"crlf"))
        if text is False:
            return False
        if text is True or text == b"input" or (text is None and attributes.get(b"eol") in (b"lf", b"crlf")):
            return True
        if text == b"auto" or (text is None and self._autocrlf in (b"true", b"input")):
            return not is_binary(data) and b"\r" not in data.replace(b"\r\n", b"")
        return False

    def clean(self, path: str, data: bytes, stored: bytes | None) -> bytes:
        """A file's bytes as they go into the branch.

        Args:
            path: From the worktree's top.
            data: The file.
            stored: What the branch has there now.

        Raises:
            CommitRefused: Only git can convert this path.
        """
        attributes = self.attributes(path)
        self._refuse_filters(path, attributes)
        if b"\r\n" not in data or not self._is_text(attributes, data):
            return data
        auto = attributes.get(b"text") in (None, b"auto") and attributes.get(b"eol") is None
        if auto and stored is not None and b"\r\n" in stored:
            return data  # git leaves files alone that were stored with CRLF
        return data.replace(b"\r\n", b"\n")

    def smudge(self, path: str, data: bytes) -> bytes:
        """A blob's bytes as they go into a file."""
        attributes = self.attributes(path)
        self._refuse_filters(path, attributes)
        eol = attributes.get(b"eol")
        crlf = eol == b"crlf" or (
            eol is None and (self._autocrlf == b"true" or (not self._autocrlf and self._eol == b"crlf"))
        )
        if not crlf or b"\n" not in data or b"\r" in data or not self._is_text(attributes, data):
            return data
        return data.replace(b"\n", b"\r\n")

    def _refuse_filters(self, path: str, attributes: Mapping[bytes, AttributeValue]) -> None:
        name = attributes.get(b"filter")
        configured = isinstance(name, bytes) and (
            name == b"lfs"
            or _setting(self._config, (b"filter", name), b"clean")
            or _setting(self._config, (b"filter", name), b"process")
        )
        encoding = attributes.get(b"working-tree-encoding")
        if configured or isinstance(encoding, bytes) or attributes.get(b"ident") is True:
            raise CommitRefused(
                "a content filter, encoding or ident applies that only git can run",
                [path],
                "Commit this path with git, or restore() it to its state at begin.",
            )


class _Lines:
    """An iterable of lines where a binary file is expected."""

    def __init__(self, lines: list[bytes]) -> None:
        self._lines = lines

    def __iter__(self) -> object:
        return iter(self._lines)
