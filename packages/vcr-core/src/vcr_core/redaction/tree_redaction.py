"""Redaction of whole trees: which strings of a state are secrets, given the keys above and beside them.

How secrets in one text are found belongs to `detector`.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from vcr_core.redaction.names import normalize_name
from vcr_core.redaction.tree import Edits, Place, Tree, holds_placeholder, is_dict, is_list

TAG = "$vcr"
BYTES_TAG = "bytes"
_DICT_TAG = "dict"
_BLOB_TAG = "blob"
_NAME_FIELDS = ("name", "key", "header")
# Values of these tags are no text and stay as they are, also under a secret name.
_PLAIN_TAGS = frozenset({"datetime", "date", "time", "timedelta", "int", "float", "decimal", "complex", "nan", "inf"})


_Child = tuple[Tree, Place, str, "dict[str, Tree] | None"]
"""A member of a container, its place, the secret name that it stands under or "", and the dict that it is in."""


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
            if is_dict(value) and value.get(TAG) == BYTES_TAG and isinstance(value.get("v"), str):
                self._redact_bytes(value, place, name, edits)
                continue
            for child in self._children(value, place, name):
                self._redact_child(child, edits, stack)
            if is_dict(value):
                self._redact_keys(value, place, edits)
        return edits.apply()

    def named_blobs(self, tree: Tree) -> set[str]:
        """Return the hashes of the blobs in `tree` that stand under a secret name."""
        found: set[str] = set()
        stack: list[tuple[Tree, Place | None, str]] = [(tree, None, "")]
        while stack:
            value, place, name = stack.pop()
            if name and is_dict(value) and value.get(TAG) == _BLOB_TAG:
                found.add(str(value.get("hash")))
            stack += [child[:3] for child in self._children(value, place, name)]
        return found

    def announces(self, tree: Tree) -> bool:
        """Tell whether a name in `tree` says that the value beside it may be a secret."""
        names = self._names
        stack: list[Tree] = [tree]
        while stack:
            value = stack.pop()
            if is_dict(value):
                plain = _by_name(value) if TAG in value else value
                if any(map(names.__getitem__, plain)) or _named_value(plain, names):
                    return True
                stack.extend(child for child in value.values() if is_dict(child) or is_list(child))
            elif is_list(value):
                if _pair_name(value, names):
                    return True
                stack.extend(child for child in value if is_dict(child) or is_list(child))
        return False

    def _children(self, value: Tree, place: Place | None, name: str) -> Iterator[_Child]:
        """Yield what stands in a container that is below the name `name`; nothing where no text in it is looked at."""
        if is_list(value):
            pair = _pair_name(value, self._names)
            for i, child in enumerate(value):
                yield child, Place(value, i, place), pair if pair and i == 1 else name, None
        elif is_dict(value):
            pairs = _pairs(value) if TAG in value else None
            if pairs is not None:
                yield from self._pair_children(value, pairs, place, name)
            else:
                yield from self._dict_children(value, place, name)

    def _dict_children(self, value: dict[str, Tree], place: Place | None, name: str) -> Iterator[_Child]:
        tag = value.get(TAG)
        if _is_plain(tag):
            return
        if name and tag is None and _is_schema(value):
            name = ""
        named = _named_value(value, self._names)
        for key, child in value.items():
            if key == TAG:
                continue
            below = "" if name and tag is not None and key != "v" else self._name_of(key, named) or name
            yield child, Place(value, key, place), below, value

    def _pair_children(
        self, value: dict[str, Tree], pairs: list[list[Tree]], place: Place | None, name: str
    ) -> Iterator[_Child]:
        """Yield keys and values of a tagged dict; the values stand under the names that a plain dict's would."""
        plain = _by_name(value)
        below = "" if _is_schema(plain) else name
        named = _named_value(plain, self._names)
        above = Place(value, "v", place)
        for i, pair in enumerate(pairs):
            here = Place(value["v"], i, above)
            yield pair[0], Place(pair, 0, here), name, None
            yield pair[1], Place(pair, 1, here), self._name_of(_name_in(pair[0]), named) or below, plain

    def _name_of(self, key: str, named: str) -> str:
        """Return the secret name that the value of a key stands under by its own dict, or ""."""
        if self._names[key]:
            return key
        return named if key == "value" else ""

    def _redact_keys(self, value: dict[str, Tree], place: Place | None, edits: Edits) -> None:
        if _is_plain(value.get(TAG)):
            return
        for key in value:
            new_key = key if key == TAG else self._redact_text(key)
            if new_key != key:
                edits.rename_key(Place(value, key, place), new_key)

    def _redact_child(self, child: _Child, edits: Edits, stack: list[Any]) -> None:
        value, place, name, siblings = child
        if isinstance(value, str):
            new = self._redact_string(value, name, siblings)
            if new != value:
                edits.set_value(place, new)
        elif is_dict(value) or is_list(value):
            stack.append((value, place, name))

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


def _is_plain(tag: Tree) -> bool:
    """Tell whether a dict with that tag holds no text."""
    return isinstance(tag, str) and tag in _PLAIN_TAGS


def _pairs(value: dict[str, Tree]) -> list[list[Tree]] | None:
    """Return the pairs of a tagged dict, or None for any other dict."""
    pairs = value.get("v")
    if value.get(TAG) != _DICT_TAG or not is_list(pairs):
        return None
    return pairs if all(is_list(pair) and len(pair) == 2 for pair in pairs) else None


def _by_name(value: dict[str, Tree]) -> dict[str, Tree]:
    """Return a tagged dict as a plain one, without the members whose keys are no names; any other dict itself."""
    pairs = _pairs(value)
    return value if pairs is None else {name: item for key, item in pairs if (name := _name_in(key))}


def _name_in(value: Tree) -> str:
    """Return the name that a value spells: a string, bytes, or a member of an enumeration with such a value; or ""."""
    if is_dict(value):
        content = value.get("v")
        if value.get(TAG) == "enum":
            return _name_in(content)
        data = decode_bytes(content) if value.get(TAG) == BYTES_TAG and isinstance(content, str) else None
        return "" if data is None else decode_text(data)[0]
    return value if isinstance(value, str) else ""


def _pair_name(value: list[Tree], names: Mapping[str, bool]) -> str:
    """Return the secret name in `["authorization", "Bearer …"]`, or "". A list of two names is no such pair."""
    if len(value) != 2 or not isinstance(value[0], (str, dict)) or not isinstance(value[1], (str, dict)):
        return ""
    name = value[0] if isinstance(value[0], str) else _name_in(value[0])
    if not name or not names[name]:
        return ""
    second = _name_in(value[1])
    if (isinstance(value[1], str) or (second and is_dict(value[0]))) and (len(second) < 8 or names[second]):
        return ""
    return name


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
