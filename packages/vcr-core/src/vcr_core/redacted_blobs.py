"""Large leaves on their way to the blob store: redacted before they are named by their content."""

from __future__ import annotations

from collections import OrderedDict

from vcr_core.blobs import BlobStore, content_hash
from vcr_core.redaction import Redactor

_REMEMBERED = 1024


class RedactedBlobs:
    """Puts large leaves into a store; one that was put before costs no more than its hash.

    Args:
        store: Where they go.
        redactor: Replaces the secrets in them; None writes them as they are.
    """

    def __init__(self, store: BlobStore, redactor: Redactor | None) -> None:
        self._store = store
        self._redactor = redactor
        self._names: OrderedDict[tuple[str, str], str] = OrderedDict()

    def put(self, kind: str, content: bytes) -> str:
        """Store `content`, the bytes of a ``str`` or ``bytes`` leaf, redacted; return the hash that names it.

        Raises:
            OSError: If it cannot be written.
        """
        key = (kind, content_hash(content))
        name = self._names.get(key)
        if name is None:
            name = self._names[key] = self._store.put(redact_leaf(kind, content, redactor=self._redactor))
            if len(self._names) > _REMEMBERED:
                self._names.popitem(last=False)
        return name


def redact_leaf(kind: str, content: bytes, *, redactor: Redactor | None) -> bytes:
    """Return the bytes of a ``str`` or ``bytes`` leaf with the secrets in them replaced; None replaces nothing."""
    if redactor is None or not redactor.may_contain(content):
        return content
    charset = "utf-8" if kind == "str" else "latin-1"
    return redactor.redact_text(content.decode(charset)).encode(charset)
