"""Searches files of recordings for what the redactor would have replaced."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from vcr_core.blobs import BlobStore
from vcr_core.exporters.inlining import blob_hashes, inline_blobs
from vcr_core.json_pointer import escape_token, kind_of, unescape_token
from vcr_core.redaction import Redactor
from vcr_core.redaction.placeholders import PLACEHOLDER

_AROUND = 30
_POINTERS = ("path", "from", "at")


class Finding(NamedTuple):
    """One secret on the disk."""

    path: str
    line: int | None
    frame: int | None
    pointer: str
    kind: str
    preview: str

    def place(self) -> str:
        """Return file and frame, or line, for people."""
        name = Path(self.path).name
        if self.frame is not None:
            return f"{name} frame {self.frame}"
        return name if self.line is None else f"{name} line {self.line}"


class SecretScan:
    """Collects findings.

    Attributes:
        findings: What was found so far.
    """

    def __init__(self) -> None:
        # A key of the moment: what a placeholder shows of a secret cannot be tried against guesses later.
        self._redactor = Redactor(key=os.urandom(32))
        self._named: dict[str, Path] = {}
        self.findings: list[Finding] = []

    def recording(self, path: Path) -> None:
        """Search the lines of a recording."""
        blobs = BlobStore(path.parent)
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                try:
                    whole = msgspec.json.decode(line)
                except (msgspec.DecodeError, UnicodeDecodeError):
                    self._bytes(path, number, line)
                    continue
                if b'"$vcr":"blob"' in line:
                    self._named.update((digest, blobs.root / digest[:2] / digest) for digest in blob_hashes(whole))
                self._tree(path, number, whole, blobs)

    def named_blobs(self) -> list[Path]:
        """Return the files of the blobs that the recordings name."""
        return [path for path in self._named.values() if path.is_file()]

    def blob(self, path: Path) -> None:
        """Search one blob file."""
        self._bytes(path, None, path.read_bytes())

    def _bytes(self, path: Path, line: int | None, content: bytes) -> None:
        for hit in self._redactor.scan_bytes(content):
            self.findings.append(Finding(str(path), line, None, f"byte {hit.start}", hit.kind, hit.preview))

    def _tree(self, path: Path, number: int, whole: Any, blobs: BlobStore) -> None:
        if kind_of(whole) is not dict or kind_of(whole.get("data")) is not dict:
            return
        data = whole["data"]
        named = self._redactor.named_blobs(data)
        if named:  # by itself, nothing shows that they are secrets
            data = inline_blobs(data, lambda digest: blobs.get(digest) if digest in named else None, strict=False)
        frame = data.get("index") if whole.get("type") == "frame" else None
        for pointer, token in _escaped_tokens(data, ""):
            hidden = self._redactor.redact_text(escape_token(token)) == escape_token(token)
            for hit in self._redactor.scan_text(token) if hidden else ():
                self.findings.append(Finding(str(path), number, frame, pointer, hit.kind, hit.preview))
        redacted = self._redactor.redact_tree(data)
        if redacted is data:
            return
        for pointer, text, clean in _changed(data, redacted, ""):
            known = set(PLACEHOLDER.findall(text))
            for found in PLACEHOLDER.finditer(clean):
                if found.groups() not in known:
                    around = clean[max(0, found.start() - _AROUND) : found.end() + _AROUND]
                    self.findings.append(Finding(str(path), number, frame, pointer, str(found[1]), around))


def _escaped_tokens(tree: Any, pointer: str) -> Iterator[tuple[str, str]]:
    """Yield pointer and meaning of each key in the pointers of patches that does not stand there as it is."""
    if kind_of(tree) is dict:
        for field in _POINTERS:
            text = tree.get(field)
            if isinstance(text, str) and "~" in text:
                yield from ((f"{pointer}/{field}", unescape_token(token)) for token in text.split("/") if "~" in token)
        for key, item in tree.items():
            yield from _escaped_tokens(item, f"{pointer}/{escape_token(key)}")
    elif kind_of(tree) is list:
        for at, item in enumerate(tree):
            yield from _escaped_tokens(item, f"{pointer}/{at}")


def _changed(old: Any, new: Any, pointer: str) -> Iterator[tuple[str, str, str]]:
    """Yield pointer, text and redacted text of each leaf, and of each key, that the redactor changed."""
    if isinstance(old, str):
        if old != new:
            yield pointer, old, str(new)
    elif kind_of(old) is dict and kind_of(new) is dict:
        for (old_key, old_item), (new_key, new_item) in zip(old.items(), new.items(), strict=False):
            inner = f"{pointer}/{escape_token(new_key)}"
            if old_key != new_key:
                yield inner, old_key, new_key
            yield from _changed(old_item, new_item, inner)
    elif kind_of(old) is list and kind_of(new) is list:
        for at, (old_item, new_item) in enumerate(zip(old, new, strict=False)):
            yield from _changed(old_item, new_item, f"{pointer}/{at}")
