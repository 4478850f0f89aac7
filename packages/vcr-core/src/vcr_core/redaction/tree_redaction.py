"""Redaction of whole trees: which strings of a state are secrets, given the keys above and beside them.

How secrets in one text are found belongs to `detector`.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping
from typing import Any

from vcr_core.redaction.names import normalize_name
from vcr_core.redaction.tree import Edits, Place, Tree, holds_placeholder, is_dict, is_list

TAG = "$vcr"
BYTES_TAG = "bytes"
_NAME_FIELDS = ("name", "key", "header")
# Values of these tags are no text and stay as they are, also under a secret name.
_PLAIN_TAGS = frozenset({"datetime", "date", "time", "timedelta", "int", "float", "decimal", "complex", "nan", "inf"})


class TreeRedaction:
    """Redacts trees with the given judgement of texts, of whole values, and of names."""

    def __init__(
        self,
        *,
        redact_text: Callable[[str], str],
        replace_whole: Callable[[str], str],
        secret_names: Mapping[str, bool],
    ) -> None:
        self._redact_text = redact_text
        self._replace_whole = replace_whole
        self._names = secret_names

    def redact(self, tree: Tree) -> Tree:
        """Return `tree` with its secrets replaced; the same object when it holds none."""
        if isinstance(tree, str):
            return self._redact_text(tree)
        edits = Edits(tree)
        # (container, its place, the secret name above it or "")
        stack: list[tuple[Tree, Place | None, str]] = [(tree, None, "")]
        while stack:
            value, place, name = stack.pop()
            if is_dict(value):
                self._redact_dict(value, place, name, edits, stack)
            elif is_list(value):
                self._redact_list(value, place, name, edits, stack)
        return edits.apply()

    def announces(self, tree: Tree) -> bool:
        """Tell whether a name in `tree` says that the value beside it may be a secret."""
        names = self._names
        stack: list[Tree] = [tree]
        while stack:
            value = stack.pop()
            if is_dict(value):
                if any(map(names.__getitem__, value)) or _named_value(value, names):
                    return True
                stack.extend(child for child in value.values() if is_dict(child) or is_list(child))
            elif is_list(value):
                if _pair_name(value, names):
                    return True
                stack.extend(child for child in value if is_dict(child) or is_list(child))
        return False

    def _redact_dict(
        self, value: dict[str, Tree], place: Place | None, name: str, edits: Edits, stack: list[Any]
    ) -> None:
        tag = value.get(TAG)
        if tag == BYTES_TAG and isinstance(value.get("v"), str):
            self._redact_bytes(value, place, name, edits)
            return
        if tag is not None and (tag in _PLAIN_TAGS if isinstance(tag, str) else False):
            return
        if name and _is_schema(value):
            name = ""
        named = _named_value(value, self._names)
        for key, child in value.items():
            here = Place(value, key, place)
            if key == TAG:
                continue
            if name and tag is not None and key != "v":
                child_name = ""
            elif self._names[key]:
                child_name = key
            else:
                child_name = named if named and key == "value" else name
            self._redact_child(child, here, child_name, edits, stack, siblings=value)
            new_key = self._redact_text(key)
            if new_key != key:
                edits.rename_key(here, new_key)

    def _redact_list(self, value: list[Tree], place: Place | None, name: str, edits: Edits, stack: list[Any]) -> None:
        pair = _pair_name(value, self._names)
        for i, child in enumerate(value):
            child_name = pair if pair and i == 1 else name
            self._redact_child(child, Place(value, i, place), child_name, edits, stack, siblings=None)

    def _redact_child(
        self, child: Tree, here: Place, name: str, edits: Edits, stack: list[Any], *, siblings: dict[str, Tree] | None
    ) -> None:
        if isinstance(child, str):
            new = self._redact_string(child, name, siblings)
            if new != child:
                edits.set_value(here, new)
        elif isinstance(child, (dict, list)):
            stack.append((child, here, name))

    def _redact_string(self, text: str, name: str, siblings: dict[str, Tree] | None) -> str:
        if name and text and not holds_placeholder(text) and _is_secret_value(text, name, siblings):
            return self._replace_whole(text)
        return self._redact_text(text)

    def _redact_bytes(self, value: dict[str, Tree], place: Place | None, name: str, edits: Edits) -> None:
        """Redact inside the bytes, so that they stay bytes."""
        coded = str(value["v"])
        data = decode_bytes(coded)
        if data is None:
            new = self._redact_string(coded, name, None)
        else:
            text, codec = decode_text(data)
            redacted = self._redact_string(text, name, None)
            # what is unchanged may still be known in its encoded form
            new = self._redact_text(coded) if redacted == text else encode_bytes(redacted, codec)
        if new != coded:
            edits.set_value(Place(value, "v", place), new)


def decode_bytes(coded: str) -> bytes | None:
    """Return the bytes that base64 text stands for, or None when it is none."""
    try:
        return base64.b64decode(coded, validate=True)
    except (binascii.Error, ValueError):
        return None


def decode_text(data: bytes) -> tuple[str, str]:
    """Return bytes as text and the codec that gives the same bytes back."""
    try:
        return data.decode(), "utf-8"
    except UnicodeDecodeError:
        return data.decode("latin-1"), "latin-1"


def encode_bytes(text: str, codec: str) -> str:
    """Return the base64 text of `text` in `codec`."""
    return base64.b64encode(text.encode(codec)).decode()


def _is_schema(value: dict[str, Tree]) -> bool:
    """Tell whether a dict under a secret name only describes it, as tool schemas do."""
    described = isinstance(value.get("type"), (str, list)) or "$ref" in value or "anyOf" in value or "oneOf" in value
    described = described or "description" in value
    return described and not any(isinstance(v, str) and k in ("value", "secret", "token") for k, v in value.items())


def _named_value(value: dict[str, Tree], names: Mapping[str, bool]) -> str:
    """Return the secret name in `{"name": "Authorization", "value": …}`, or ""."""
    if "value" in value:
        for field in _NAME_FIELDS:
            name = value.get(field)
            if isinstance(name, str) and names[name]:
                return name
    return ""


def _pair_name(value: list[Tree], names: Mapping[str, bool]) -> str:
    """Return the secret name in `["authorization", "Bearer …"]`, or "". A list of two names is no such pair."""
    if len(value) != 2 or not isinstance(value[0], str) or not isinstance(value[1], (str, dict)):
        return ""
    if not names[value[0]] or (isinstance(value[1], str) and (len(value[1]) < 8 or names[value[1]])):
        return ""
    return value[0]


def _is_secret_value(text: str, name: str, siblings: dict[str, Tree] | None) -> bool:
    """Tell whether a string under a secret name is one: `token` is also a word of a stream, `pwd` a directory."""
    words = normalize_name(name)
    if words == "token":
        if siblings is not None and ("logprob" in siblings or "top_logprobs" in siblings):
            return False
        return not any(c.isspace() for c in text) and (len(text) >= 16 or (len(text) >= 8 and _has_digit(text)))
    if words in ("pwd", "oldpwd"):
        return not text.startswith(("/", "~", "C:\\"))
    return True


def _has_digit(text: str) -> bool:
    return any(c.isdigit() for c in text)
