"""Puts large leaves back in their place: wire values without blobs."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from typing import Any

from vcr_core.errors import VcrError
from vcr_core.json_pointer import kind_of

ReadBlob = Callable[[str], "bytes | None"]


class MissingBlobError(VcrError):
    """A large value whose blob file is missing or damaged.

    Attributes:
        digest: The hash that names it.
    """

    def __init__(self, digest: str) -> None:
        self.digest = digest
        super().__init__(
            f"the blob {digest} is missing or damaged, so a value cannot be put back in its place. The file belongs "
            f"at blobs/{digest[:2]}/{digest} beside the recording; copy it there."
        )


def inline_blobs(wire: Any, read_blob: ReadBlob, *, strict: bool = True) -> Any:
    """Return a wire value with the content of its blobs in their place; what holds none is shared, not copied.

    Args:
        wire: A value in wire form; a user's own dict never looks like a blob in it.
        read_blob: Returns a blob's content by its hash.
        strict: Whether a missing blob is an error; otherwise it stays as it is.

    Raises:
        MissingBlobError: If a blob is missing and `strict` is set.
    """
    if kind_of(wire) is dict:
        if wire.get("$vcr") == "blob":
            return _content(wire, read_blob, strict=strict)
        found = {key: inline_blobs(item, read_blob, strict=strict) for key, item in wire.items()}
        return found if any(found[key] is not item for key, item in wire.items()) else wire
    if kind_of(wire) is list:
        items = [inline_blobs(item, read_blob, strict=strict) for item in wire]
        return items if any(new is not old for new, old in zip(items, wire, strict=True)) else wire
    return wire


def _content(blob: dict[str, Any], read_blob: ReadBlob, *, strict: bool) -> Any:
    digest = str(blob.get("hash"))
    content = read_blob(digest)
    if content is None:
        if strict:
            raise MissingBlobError(digest)
        return blob
    return content.decode() if blob.get("kind") == "str" else base64.b64encode(content).decode()


def blob_hashes(wire: Any) -> Iterator[str]:
    """Yield the hashes of the blobs that a wire value names."""
    if kind_of(wire) is dict:
        if wire.get("$vcr") == "blob":
            yield str(wire.get("hash"))
        else:
            for item in wire.values():
                yield from blob_hashes(item)
    elif kind_of(wire) is list:
        for item in wire:
            yield from blob_hashes(item)
