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
            name = self._names[key] = self._store.put(self._redact(kind, content))
            if len(self._names) > _REMEMBERED:
                self._names.popitem(last=False)
        return name

    def _redact(self, kind: str, content: bytes) -> bytes:
        if self._redactor is None or not self._redactor.may_contain(content):
            return content
        charset = "utf-8" if kind == "str" else "latin-1"
        text = content.decode(charset)
        redacted = self._redactor.redact_text(text)
        return content if redacted == text else redacted.encode(charset)
