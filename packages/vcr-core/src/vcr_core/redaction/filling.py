"""Placeholders in trees: listing them, and putting secrets back when a recording is resumed.

A secret goes back only where the keyed hash agrees, so a recording cannot ask for a secret that was not in it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from vcr_core.errors import VcrError
from vcr_core.redaction.environment import URL_PASSWORD, encoded_forms
from vcr_core.redaction.placeholders import PLACEHOLDER, PlaceholderAt, digest_secret
from vcr_core.redaction.tree import Edits, Place, Tree, holds_placeholder, is_dict, is_list
from vcr_core.redaction.tree_redaction import BYTES_TAG, TAG, decode_bytes, decode_text, encode_bytes

Resolver = Callable[[str, str, str], "str | None"]
"""Called with kind, digest and pointer; returns the secret, or None."""

_MIN_VALUE = 4
_MAX_VALUE = 65_536


class UnresolvedSecretError(VcrError):
    """A placeholder has no secret to go in its place. Attributes: `path` (RFC 6901 pointer), `kind`, `reason`."""

    def __init__(self, path: str, kind: str, reason: str = "no environment value has its keyed hash") -> None:
        super().__init__(path, kind, reason)
        self.path = path
        self.kind = kind
        self.reason = reason

    def __str__(self) -> str:
        return (
            f"the {self.kind} secret at {self.path or 'the root'} was redacted when it was recorded and cannot be "
            f"filled: {self.reason}. Set the environment variable that held it to the same value, give a resolver, or "
            "override the state at this path."
        )


def list_placeholders(tree: Tree) -> list[PlaceholderAt]:
    """Return every placeholder in `tree`, in keys, strings and tagged bytes, in document order."""
    return [
        PlaceholderAt(place.pointer() if place else "", found[1], found[2])
        for place, text, _kind in _texts(tree)
        for found in PLACEHOLDER.finditer(text)
    ]


def environment_secrets(env: Mapping[str, str], *, key: bytes) -> dict[str, str]:
    """Return the texts that the environment can fill in, by digest: every value in its usual encodings."""
    known: dict[str, str] = {}
    for value in env.values():
        if _MIN_VALUE <= len(value) <= _MAX_VALUE:
            for candidate in (value, *URL_PASSWORD.findall(value)):
                for form in encoded_forms(candidate):
                    known.setdefault(digest_secret(form, key=key), form)
    return known


def fill_tree(tree: Tree, *, known: Mapping[str, str], resolver: Resolver | None, key: bytes) -> Tree:
    """Return `tree` with its placeholders filled; the same object when it holds none.

    Raises:
        UnresolvedSecretError: a placeholder is not in `known`, and the resolver has no text with its keyed hash.
    """

    def fill(text: str, pointer: str) -> str:
        return PLACEHOLDER.sub(lambda found: _resolve(found[1], found[2], pointer, known, resolver, key), text)

    if isinstance(tree, str):
        return fill(tree, "")
    edits = Edits(tree)
    for place, text, codec in _texts(tree):
        if place is None or not holds_placeholder(text):
            continue
        filled = fill(text, place.pointer())
        if codec == "key":
            edits.rename_key(place, filled)
        else:
            edits.set_value(place, encode_bytes(filled, codec) if codec else filled)
    return edits.apply()


def _resolve(
    kind: str, digest: str, pointer: str, known: Mapping[str, str], resolver: Resolver | None, key: bytes
) -> str:
    secret = known.get(digest)
    if secret is not None:
        return secret
    if resolver is None:
        raise UnresolvedSecretError(pointer, kind)
    secret = resolver(kind, digest, pointer)
    if secret is None:
        raise UnresolvedSecretError(pointer, kind, "neither the environment nor the resolver has it")
    if digest_secret(secret, key=key) != digest:
        raise UnresolvedSecretError(pointer, kind, "what the resolver gave is another secret than the recorded one")
    return secret


def _texts(tree: Tree) -> Iterator[tuple[Place | None, str, str]]:
    """Yield (place, text, codec) of all texts: codec is "" for strings, "key" for keys, else that of tagged bytes."""
    stack: list[tuple[Tree, Place | None]] = [(tree, None)]
    while stack:
        value, place = stack.pop()
        if isinstance(value, str):
            yield place, value, ""
        elif is_dict(value):
            coded = value.get("v")
            data = decode_bytes(coded) if value.get(TAG) == BYTES_TAG and isinstance(coded, str) else None
            if data is not None:
                yield Place(value, "v", place), *decode_text(data)
                continue
            places = [Place(value, key, place) for key in value]
            yield from ((here, str(here.key), "key") for here in places)
            stack.extend((value[str(here.key)], here) for here in reversed(places))
        elif is_list(value):
            stack.extend((value[i], Place(value, i, place)) for i in reversed(range(len(value))))
