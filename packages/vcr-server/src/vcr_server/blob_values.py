"""Puts long texts back where a recording refers to a blob file; binary content stays a reference."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import msgspec

from vcr_core.blobs import BlobStore

BLOB_MARK = b'"$vcr":"blob"'


def fill_blobs(wire: Any, directory: Path) -> Any:
    """Return a wire value with its text blobs in place; one that is missing stays a reference."""
    return _fill(wire, BlobStore(directory))


def encode_filled(wire: Any, directory: Path) -> bytes:
    """Return a wire value as JSON with its text blobs in place."""
    encoded = msgspec.json.encode(wire)
    return msgspec.json.encode(fill_blobs(wire, directory)) if BLOB_MARK in encoded else encoded


def _fill(wire: Any, blobs: BlobStore) -> Any:
    if isinstance(wire, list):
        items: list[Any] = wire  # pyright: ignore[reportUnknownVariableType]  # any JSON
        return [_fill(item, blobs) for item in items]
    if not isinstance(wire, dict):
        return wire
    fields = cast("dict[str, Any]", wire)
    if fields.get("$vcr") == "blob" and fields.get("kind") == "str":
        content = blobs.get(str(fields.get("hash")))
        return fields if content is None else content.decode("utf-8", "replace")
    return {key: _fill(item, blobs) for key, item in fields.items()}
