"""The redactor: what the recorder, the player and `vcr scan` ask about secrets.

It joins the parts of this package for one project key and one environment; the parts do the work.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from vcr_core.redaction.detector import Detector, Span
from vcr_core.redaction.environment import secret_values
from vcr_core.redaction.filling import Resolver, environment_secrets, fill_tree, list_placeholders
from vcr_core.redaction.names import SecretNames
from vcr_core.redaction.patterns import classify_shape
from vcr_core.redaction.placeholders import GENERIC_KIND, PLACEHOLDER, PlaceholderAt, digest_secret, format_placeholder
from vcr_core.redaction.prefilter import Prefilter
from vcr_core.redaction.tree import Tree
from vcr_core.redaction.tree_redaction import TreeRedaction

_MAX_PASSES = 8
_MIN_TEXT = 8
_CONTEXT = 24
_KIND = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")


class SecretHit(NamedTuple):
    """One secret that a scan found at `start:end`. `preview` shows what stands around it, never the secret."""

    kind: str
    start: int
    end: int
    preview: str


class Redactor:
    """Replaces secrets by placeholders, and placeholders by secrets.

    Args:
        key: the project's key (see `load_or_create_project_key`); 16 to 64 bytes.
        env: the environment whose secret values are looked for; the process's own when None.
        extra_patterns: (kind, regular expression) pairs of secrets to find besides the known ones. They turn the quick
            test into a full search, so they cost time on every frame.
        extra_keys: names whose values are secrets, besides the known ones; spelling variants count as equal.
        allow_keys: names whose values are never secrets by their name.

    Attributes:
        is_secret_key: `is_secret_key(name) -> bool` tells whether a dict key or header names a secret. Cached by name.
            `redact_tree` has the last word, since the value matters too (numbers are never secrets).
    """

    is_secret_key: Callable[[str], bool]

    def __init__(
        self,
        *,
        key: bytes,
        env: Mapping[str, str] | None = None,
        extra_patterns: Iterable[tuple[str, str | re.Pattern[str]]] = (),
        extra_keys: Iterable[str] = (),
        allow_keys: Iterable[str] = (),
    ) -> None:
        if not 16 <= len(key) <= 64:
            raise ValueError(f"a project key has 16 to 64 bytes, this one has {len(key)}")
        self._key = key
        self._extra = [(kind, re.compile(pattern)) for kind, pattern in extra_patterns]
        for kind, _pattern in self._extra:
            if not _KIND.fullmatch(kind):
                raise ValueError(f"the kind of a secret is lower-case letters, digits and hyphens, not {kind!r}")
        self._names = SecretNames(extra=extra_keys, allow=allow_keys)
        self.is_secret_key = self._names.__getitem__
        self._tree = TreeRedaction(
            redact_text=self.redact_text, replace_whole=self._replace_whole, secret_names=self._names
        )
        self.refresh(env)

    def refresh(self, env: Mapping[str, str] | None = None) -> None:
        """Take the environment's present values (the process's when `env` is None)."""
        self._env = dict(os.environ if env is None else env)
        self._known: dict[str, str] | None = None
        values = secret_values(self._env)
        searchable = [value for value in values if value.searchable]
        self._prefilter = Prefilter(searchable)
        self._needs_search = bool(self._extra) or len(searchable) < len(values)
        self._detector = Detector(values, extra=[pattern for _kind, pattern in self._extra], secret_names=self._names)

    def may_contain(self, encoded: bytes, names: int = 0) -> bool:
        """Tell whether a compact JSON text in UTF-8, or plain text, may hold a secret by its value.

        False is certain: `redact_tree` would then change nothing but the values that a name announces (a key, or the
        name in a pair). True is seldom wrong on ordinary text. Takes time linear in the size.

        Args:
            encoded: The text.
            names: How many keys the JSON has in all its objects, if `is_secret_key` is False for each; 0 if unknown.
        """
        if self._prefilter.may_contain(encoded, names):
            return True
        return self._needs_search and bool(self._detector.find(encoded.decode("utf-8", "replace")))

    def redact_text(self, text: str) -> str:
        """Return `text` with each secret in it replaced, and everything else as it was. Idempotent."""
        if len(text) < _MIN_TEXT or not self.may_contain(text.encode("utf-8", "surrogatepass")):
            return text
        for _pass in range(_MAX_PASSES):  # a replaced secret can lay bare the edge of its neighbour
            spans = self._detector.find(text)
            if not spans:
                break
            text = self._replace_spans(text, spans)
        return text

    def redact_value(self, value: object) -> str:
        """Return the placeholder for a whole value; a placeholder and an empty string stay as they are."""
        if isinstance(value, (bytes, bytearray)):
            text = bytes(value).decode("utf-8", "backslashreplace")
        elif isinstance(value, str):
            text = value
        else:
            text = json.dumps(value, sort_keys=True, default=repr, ensure_ascii=False)
        return text if not text or PLACEHOLDER.fullmatch(text) else self._replace_whole(text)

    def announces(self, tree: Tree) -> bool:
        """Tell whether a name in a JSON-able tree says that the value beside it may be a secret.

        Where this and `may_contain` of the tree's encoding are False, and no tagged bytes are in it, `redact_tree`
        would change nothing.
        """
        return self._tree.announces(tree)

    def named_blobs(self, tree: Tree) -> set[str]:
        """Return the hashes of the tagged blobs in a JSON-able tree that stand under a secret name."""
        return self._tree.named_blobs(tree)

    def redact_tree(self, value: Tree) -> Tree:
        """Return a JSON-able tree with its secrets replaced; the same object when it holds none.

        Strings under a secret key are replaced whole, also inside containers there; numbers, booleans, None, empty
        strings and placeholders stay. Keys that hold secrets are redacted too. Tagged bytes are redacted inside and
        stay bytes. The tree given is never changed.
        """
        return self._tree.redact(value)

    def find_placeholders(self, tree: Tree) -> list[PlaceholderAt]:
        """Return (pointer, kind, digest) of every placeholder in a tree."""
        return list_placeholders(tree)

    def fill(self, tree: Tree, resolver: Resolver | None = None) -> Tree:
        """Return `tree` with its placeholders filled from the environment, else by `resolver(kind, digest, pointer)`.

        Raises:
            UnresolvedSecretError: no text with the placeholder's keyed hash is at hand; nothing is half-filled.
        """
        if not list_placeholders(tree):
            return tree
        if self._known is None:
            self._known = environment_secrets(self._env, key=self._key)
        return fill_tree(tree, known=self._known, resolver=resolver, key=self._key)

    def scan_text(self, text: str) -> list[SecretHit]:
        """Return the secrets in `text`, in order; offsets count characters."""
        spans = self._detector.find(text)
        hits: list[SecretHit] = []
        for i, (start, end) in enumerate(spans):
            left = max(start - _CONTEXT, spans[i - 1].end if i else 0)
            right = min(end + _CONTEXT, spans[i + 1].start if i + 1 < len(spans) else len(text))
            secret = text[start:end]
            preview = text[left:start] + self._replace_whole(secret) + text[end:right]
            hits.append(SecretHit(self._classify(secret), start, end, re.sub(r"\s+", " ", preview)))
        return hits

    def scan_bytes(self, data: bytes) -> list[SecretHit]:
        """Return the secrets in `data` read as UTF-8 (bytes that are none are skipped over); offsets count bytes."""
        text = data.decode("utf-8", "surrogateescape")
        hits: list[SecretHit] = []
        characters = offset = 0
        for hit in self.scan_text(text):
            offset += len(text[characters : hit.start].encode("utf-8", "surrogateescape"))
            size = len(text[hit.start : hit.end].encode("utf-8", "surrogateescape"))
            preview = hit.preview.encode("utf-8", "replace").decode()
            hits.append(SecretHit(hit.kind, offset, offset + size, preview))
            characters, offset = hit.end, offset + size
        return hits

    def _replace_spans(self, text: str, spans: list[Span]) -> str:
        pieces: list[str] = []
        last = 0
        for start, end in spans:
            pieces += (text[last:start], self._replace_whole(text[start:end]))
            last = end
        return "".join(pieces) + text[last:]

    def _replace_whole(self, secret: str) -> str:
        return format_placeholder(self._classify(secret), digest_secret(secret, key=self._key))

    def _classify(self, secret: str) -> str:
        """Return the kind by the text alone, so that equal secrets get equal placeholders wherever they stand."""
        for kind, pattern in self._extra:
            if pattern.fullmatch(secret):
                return kind
        return classify_shape(secret) or GENERIC_KIND
