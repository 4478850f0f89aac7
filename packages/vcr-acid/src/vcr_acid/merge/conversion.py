"""Attributes: what git would convert between a file and its blob, and what it would not merge by line.

Savepoints hold raw bytes; only what goes into the user's branch is converted, by the rules of gitattributes(5) for line
endings. A path with a content filter (LFS and the like), an encoding or ``ident`` is refused, because only git's own
programs can run those.
"""

from __future__ import annotations

from collections.abc import Mapping

from dulwich.attrs import AttributeValue
from dulwich.config import Config

from vcr_acid.errors import CommitRefused
from vcr_acid.merge.attributes import Attributes, Reader
from vcr_acid.merge.lines import is_binary
from vcr_acid.store.git_config import autocrlf, setting
from vcr_acid.store.layout import Layout


class Conversion:
    """The conversions that hold for the paths of one worktree; the arguments are those of `Attributes`."""

    def __init__(self, layout: Layout, config: Config, *readers: Reader) -> None:
        self._attributes = Attributes(layout, config, *readers)
        self._config = config
        self._autocrlf = autocrlf(config)
        self._eol = setting(config, (b"core",), b"eol")

    def keep_whole(self, path: str) -> bool:
        """Whether the path must not be merged by line."""
        attributes = self._attributes.of(path)
        return attributes.get(b"merge") not in (None, True, b"text") or attributes.get(b"conflict-marker-size") == b"0"

    def _is_text(self, attributes: Mapping[bytes, AttributeValue], data: bytes) -> bool:
        text = attributes.get(b"text", attributes.get(b"crlf"))
        if text is False:
            return False
        if text is True or text == b"input" or (text is None and attributes.get(b"eol") in (b"lf", b"crlf")):
            return True
        if text == b"auto" or (text is None and self._autocrlf):
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
        attributes = self._attributes.of(path)
        self._refuse_filters(path, attributes)
        if b"\r\n" not in data or not self._is_text(attributes, data):
            return data
        auto = attributes.get(b"text") in (None, b"auto") and attributes.get(b"eol") is None
        if auto and stored is not None and b"\r\n" in stored:
            return data  # git leaves files alone that were stored with CRLF
        return data.replace(b"\r\n", b"\n")

    def smudge(self, path: str, data: bytes) -> bytes:
        """A blob's bytes as they go into a file."""
        attributes = self._attributes.of(path)
        self._refuse_filters(path, attributes)
        eol = attributes.get(b"eol")
        crlf = eol == b"crlf" or (
            eol is None and (self._autocrlf == b"true" or (not self._autocrlf and self._eol == b"crlf"))
        )
        if not crlf or b"\n" not in data or b"\r" in data or not self._is_text(attributes, data):
            return data
        return data.replace(b"\n", b"\r\n")

    def needs_git(self, path: str) -> bool:
        """Whether only git can convert a path: a content filter, an encoding or ``ident`` applies."""
        return self._needs_git(self._attributes.of(path))

    def _needs_git(self, attributes: Mapping[bytes, AttributeValue]) -> bool:
        name = attributes.get(b"filter")
        configured = isinstance(name, bytes) and (
            name == b"lfs"
            or any(setting(self._config, (b"filter", name), way) for way in (b"clean", b"smudge", b"process"))
        )
        encoding = attributes.get(b"working-tree-encoding")
        return configured or isinstance(encoding, bytes) or attributes.get(b"ident") is True

    def _refuse_filters(self, path: str, attributes: Mapping[bytes, AttributeValue]) -> None:
        if self._needs_git(attributes):
            raise CommitRefused(
                "a content filter, encoding or ident applies that only git can run",
                [path],
                "Commit this path with git, or restore() it to its state at begin.",
            )
