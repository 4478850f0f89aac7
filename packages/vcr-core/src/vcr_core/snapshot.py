"""A structural copy of a state that shares its leaves and compares at C speed.

A recorder must see what changed between two steps, also when the agent mutated its state in place, without walking
over text that did not change.  So it keeps, for the last recorded state, a copy of the *containers* only; the leaves
are the very objects of the agent.  ``live == snapshot`` is then one C call: equal strings are the same object, and
lists and dicts compare item by item without a line of Python.

Plain ``==`` is blind to types (``1 == True == 1.0``), so a snapshot holds numbers, and everything that is not plain
JSON, inside objects of this module whose ``__eq__`` is exact.  The snapshot stands on the left of every comparison, so
that these are asked and not the agent's objects, which may answer anything.  What `==` cannot see is a string or None
that became an object which claims to be equal to it, and a dict whose keys only changed their order; neither is a
change here.

What changed is found by `vcr_core.delta`.
"""

from __future__ import annotations

import enum
import math
from array import array
from collections.abc import Callable
from itertools import chain
from typing import Any

import msgspec

from vcr_core.loops import ORDINARY_DEPTH, TooDeepError, find_loops
from vcr_core.runtime_types import type_of
from vcr_core.values.encode import BLOB_SIZE, MAX_DEPTH, TAG, WireEncoder, is_utf8
from vcr_core.values.kinds import Split, split_of

NAME_FIELDS = ("name", "key", "header")
_NUMBERS = frozenset({int, float, bool})
_TEXT = frozenset({str})
_EXACT = frozenset({str, int, bool, type(None)})
_NAMELESS = frozenset({int, float, bool, type(None), dict, list, tuple})
_SETS = frozenset({set, frozenset})
_MEMBERS = frozenset({str, int})
_DEPTH_OF_MEMBERS = 3
_MANY = 4
_MAX_SAFE = 10_000
LONG_TEXT = 256
"""Texts of that many characters are known again by their beginning, and written by what is added to them."""

_encode = msgspec.json.Encoder(order="deterministic").encode


class _Exact:
    """Base of what stands in a snapshot for something that ``==`` would compare too loosely."""

    __slots__ = ()
    __array_ufunc__ = None  # numpy then leaves the comparison to us
    __hash__ = None  # type: ignore[assignment]  # compared, never looked up


class Number(_Exact):
    """A number, equal to one of the same type only; ``0.0`` is not ``-0.0``."""

    __slots__ = ("kind", "value")

    def __init__(self, value: float) -> None:
        self.kind = type_of(value)
        self.value = value

    def __eq__(self, other: object) -> bool:
        return type_of(other) is self.kind and other == self.value and (other != 0 or str(other) == str(self.value))


class Numbers(_Exact):
    """A list of one kind of number: compared by its bytes or values, not element by element in Python."""

    __slots__ = ("kind", "values")

    def __init__(self, kind: type[Any], values: list[Any]) -> None:
        self.kind = kind
        self.values: list[Any] | bytes = array("d", values).tobytes() if kind is float else list(values)

    def __len__(self) -> int:
        return len(self.values) // 8 if self.kind is float else len(self.values)

    def __eq__(self, other: object) -> bool:
        return type_of(other) is list and self._equals(other)

    def _equals(self, other: Any) -> bool:
        return len(other) == len(self) and self.starts(other)

    def starts(self, other: list[Any]) -> bool:
        """True if `other` begins with exactly these numbers."""
        head = other[: len(self)]
        if not set(map(type, head)) <= {self.kind}:
            return False
        return (array("d", head).tobytes() if self.kind is float else head) == self.values

    def as_list(self) -> list[Any]:
        """Return the snapshots of the numbers, one by one."""
        values: Any = array("d", self.values) if isinstance(self.values, bytes) else self.values
        return [Number(value) for value in values]


class Members(_Exact):
    """A set of texts and whole numbers, and tuples of them: compared as a set, its items known as they are written.

    Attributes:
        cls: Its class.
        items: What is in it.
        encoded: The encodings of its items, in the order in which they are written.
    """

    __slots__ = ("cls", "encoded", "items")

    def __init__(self, cls: type[Any], items: frozenset[Any], encoded: list[bytes]) -> None:
        self.cls = cls
        self.items = items
        self.encoded = encoded

    @classmethod
    def of(cls, value: Any) -> Members | None:
        """Return the snapshot of a set; None if it is none of this kind, or written in another order than this."""
        items = frozenset(value)
        if not holds_members(items):
            return None
        encoded = sorted(map(encode_member, items))
        return None if any(len(item) >= BLOB_SIZE for item in encoded) else cls(type_of(value), items, encoded)

    def __eq__(self, other: object) -> bool:
        return type_of(other) is self.cls and other == self.items and holds_members(other)


def holds_members(items: Any) -> bool:
    """Tell whether a set is one that `Members` stands for: many items, of kinds that are equal to none of another."""
    if len(items) < _MANY:
        return False  # two items of a list may be a name and its secret
    kinds = set(map(type_of, items))
    if tuple in kinds:
        kinds.remove(tuple)
        kinds.update(map(type_of, chain.from_iterable(item for item in items if type_of(item) is tuple)))
    return kinds <= _MEMBERS


def encode_member(item: Any) -> bytes:
    """Return the encoding by which an item of a set is put in order."""
    return _encode(WireEncoder().encode(item))


class Opaque(_Exact):
    """A value with a tag of its own: equal if its class and its encoding are."""

    __slots__ = ("cls", "encoded")

    def __init__(self, cls: type[Any], encoded: bytes) -> None:
        self.cls = cls
        self.encoded = encoded

    def __eq__(self, other: object) -> bool:
        return type_of(other) is self.cls and _encode(WireEncoder().encode(other)) == self.encoded


class Parts(_Exact):
    """A value that is written tagged or converted, by its parts: a tuple, an object, a dict of a class of its own."""

    __slots__ = ("cls", "form", "inner", "split")

    def __init__(self, cls: type[Any], split: Split, form: Any, inner: Any) -> None:
        self.cls = cls
        self.split = split
        self.form = form
        self.inner = inner

    def __eq__(self, other: object) -> bool:
        parts = self.parts(other)
        return parts is not None and bool(self.inner == parts)

    def parts(self, other: object) -> Any:
        """Return the parts of `other` if it differs from this in them at most, else None."""
        if type_of(other) is not self.cls:
            return None
        found = self.split.parts(other)
        return found[0] if found is not None and found[1] == self.form else None


def copy_snapshot(snapshot: Any) -> Any:
    """Return a snapshot that may be used up while the other one stays."""
    kind = type_of(snapshot)
    if kind is dict:
        return {key: item if type_of(item) is str else copy_snapshot(item) for key, item in snapshot.items()}
    if kind is list:
        return [item if type_of(item) is str else copy_snapshot(item) for item in snapshot]
    if kind is not Parts:
        return snapshot
    return Parts(snapshot.cls, snapshot.split, snapshot.form, copy_snapshot(snapshot.inner))


def name_in(value: Any) -> str | None:
    """Return the name that a key, or the first of a pair, spells: a text, bytes, or the text or bytes of an enum."""
    cls = type_of(value)
    if cls in _NAMELESS:
        return None
    if issubclass(cls, enum.Enum):
        return name_in(value._value_)
    if issubclass(cls, bytes):
        return bytes.decode(value, "latin-1")
    return str.__str__(value) if issubclass(cls, str) else None


def _is_plain_key(key: str) -> bool:
    return key != TAG and (key.isascii() or is_utf8(key))


class Probe:
    """Takes snapshots and notes what the encoder must know about what it saw.

    Args:
        is_secret_key: Tells whether a dict key announces a secret; None where nothing is redacted.
        may_hold_secret: Tells whether a text may hold a secret; None where nothing is redacted.

    Attributes:
        plain: False once something was seen that is not plain JSON as msgspec writes it.
        secret: True once a name was seen that announces a secret, within what was taken.
        names: Number of keys in all the dicts that were taken, while they are plain.
        large: Characters in the texts that are put aside for their size.
        only_text: False once something was seen whose equals may be of another type, such as ``1`` and ``True``.
    """

    __slots__ = (
        *("_is_secret_key", "_loops", "_may_hold_secret", "_near", "_safe"),
        *("large", "names", "only_text", "plain", "secret"),
    )

    def __init__(
        self,
        is_secret_key: Callable[[str], bool] | None = None,
        may_hold_secret: Callable[[str], bool] | None = None,
    ) -> None:
        self._is_secret_key = is_secret_key
        self._may_hold_secret = may_hold_secret
        self._safe: set[str] = set()
        self._near = ORDINARY_DEPTH
        self._loops: set[int] = set()
        self.plain = True
        self.secret = False
        self.names = 0
        self.large = 0
        self.only_text = True

    def reset(self) -> None:
        """Forget what was noted but `only_text`, and keep what is known about keys."""
        self.plain = True
        self.secret = False
        self.names = 0
        self.large = 0

    def take(self, value: Any, depth: int = 0) -> Any:
        """Return a snapshot of `value`; a container that leads back to itself is taken as one piece."""
        noted = self.names, self.large
        try:
            return self._take(value, depth)
        except TooDeepError:
            self.names, self.large = noted
        self._loops, self._near = find_loops(value), 0
        try:
            return self._take(value, depth)
        finally:
            self._loops, self._near = set(), ORDINARY_DEPTH

    def _take(self, value: Any, depth: int) -> Any:
        cls = type_of(value)
        if cls is str:
            if len(value) >= BLOB_SIZE:
                self.plain = False
                self.large += len(value)
            return value
        if value is None:
            return None
        if cls is int or cls is bool or (cls is float and math.isfinite(value)):
            self.only_text = False
            return Number(value)
        if depth < self._near:
            if cls is dict:
                return self._take_dict(value, depth + 1)
            if cls is list:
                return self._take_list(value, depth + 1)
            return self._take_other(value, cls, depth)
        return self._take_far(value, cls, depth)

    def _take_far(self, value: Any, cls: type[Any], depth: int) -> Any:
        if self._near:
            raise TooDeepError
        if id(value) in self._loops:
            return self._take_whole(value, cls)
        if depth < MAX_DEPTH and cls is dict:
            return self._take_dict(value, depth + 1)
        if depth < MAX_DEPTH and cls is list:
            return self._take_list(value, depth + 1)
        return self._take_other(value, cls, depth)

    def _take_dict(self, value: dict[Any, Any], depth: int) -> Any:
        copy: dict[str, Any] = {}
        safe = self._safe
        for key, item in value.items():
            if (type_of(key) is not str or key not in safe) and not self.check_key(key):
                return self._take_other(value, dict, depth)
            copy[key] = item if type_of(item) is str and len(item) < BLOB_SIZE else self._take(item, depth)
        if "value" in copy and self.names_secret(value):
            self.secret = True
        self.names += len(copy)
        return copy

    def check_key(self, key: Any) -> bool:
        """Note whether `key` announces a secret; return False if a dict with it must be tagged."""
        if type_of(key) is not str or not _is_plain_key(key):
            return False
        self.secret = self.announces(key) or self.secret
        return True

    def has_plain_keys(self, value: dict[Any, Any]) -> bool:
        """Return False if a dict must be tagged for its keys."""
        if not _TEXT.issuperset(map(type_of, value)):
            return False
        return self._safe.issuperset(value) or all(map(_is_plain_key, value))

    def is_longer(self, live: str, old: str) -> bool:
        """Tell whether a text is `old` and more, and may be written by what is new: no secret lies across the seam."""
        if not live.startswith(old) or not (live.isascii() or is_utf8(live)):
            return False
        return self._may_hold_secret is None or not self._may_hold_secret(live)

    def announces(self, key: str) -> bool:
        """Tell whether a key, one that needs no tag, says that its value may be a secret."""
        if key in self._safe:
            return False
        if self._is_secret_key is not None and self._is_secret_key(key):
            return True
        if len(self._safe) < _MAX_SAFE:
            self._safe.add(key)
        return False

    def names_secret(self, value: dict[str, Any]) -> bool:
        """Tell whether a dict such as ``{"name": "Authorization", "value": …}`` names its value as a secret."""
        if self._is_secret_key is None or "value" not in value:
            return False
        names: list[Any] = [value.get(field) for field in NAME_FIELDS]
        return any(type_of(name) is str and self._is_secret_key(name) for name in names)

    def pairs_secret(self, value: list[Any]) -> bool:
        """Tell whether a list such as ``["authorization", "Bearer …"]`` names its second item as a secret."""
        if len(value) != 2 or self._is_secret_key is None:
            return False
        name = value[0] if type_of(value[0]) is str else name_in(value[0])
        return name is not None and self._is_secret_key(name)

    def items_secret(self, items: list[list[Any]]) -> bool:
        """Tell whether a name among the ``[key, value]`` of a dict that needs a tag announces a secret."""
        return any(map(self.pairs_secret, items)) or self.names_secret(
            {name: item for key, item in items if (name := name_in(key)) is not None}
        )

    def count_names(self, value: Any, depth: int = 0) -> int | None:
        """Return how many keys the dicts in a value have; None if it is no plain JSON, or a name announces a secret.

        None for what is deeper than ordinary values, too: it may have no end.  Nothing is noted, and no snapshot taken.
        """
        cls = type_of(value)
        if cls is dict:
            known = _TEXT.issuperset(map(type_of, value)) and self._safe.issuperset(value)
            if not known and (not self.has_plain_keys(value) or any(map(self.announces, value))):
                return None
            if "value" in value and self.names_secret(value):
                return None
            names, items = len(value), value.values()
        elif cls is list:
            if self.pairs_secret(value):
                return None
            names, items = 0, value
        else:
            return 0 if cls in _EXACT or (cls is float and math.isfinite(value)) else None
        # The kinds of the items are taken in C: most containers hold nothing but text and numbers.
        if _EXACT.issuperset(map(type_of, items)):
            return names
        for item in items:
            kind = type_of(item)
            if (
                kind in _EXACT
                or (kind is float and math.isfinite(item))
                or (kind is list and _EXACT.issuperset(map(type_of, item)) and not self.pairs_secret(item))
            ):
                continue
            within = self.count_names(item, depth + 1) if depth < ORDINARY_DEPTH else None
            if within is None:
                return None
            names += within
        return names

    def _take_list(self, value: list[Any], depth: int) -> Any:
        if len(value) >= _MANY and type(value[0]) in _NUMBERS:
            kinds = set(map(type, value))
            if len(kinds) == 1 and (kinds != {float} or all(map(math.isfinite, value))):
                self.only_text = False
                return Numbers(kinds.pop(), value)
        if self.pairs_secret(value):
            self.secret = True
        take = self._take
        return [item if type_of(item) is str and len(item) < BLOB_SIZE else take(item, depth) for item in value]

    def _take_other(self, value: Any, cls: type[Any], depth: int) -> Any:
        self.plain = self.only_text = False
        members = Members.of(value) if cls in _SETS and depth < MAX_DEPTH - _DEPTH_OF_MEMBERS else None
        if members is not None:
            return members
        split = split_of(cls) if depth < MAX_DEPTH else None
        found = split.parts(value) if split is not None else None
        if split is not None and found is not None:
            return Parts(cls, split, found[1], self._take(found[0], depth + 1))
        return self._take_whole(value, cls)

    def _take_whole(self, value: Any, cls: type[Any]) -> Opaque:
        self.plain = self.only_text = False
        encoded = _encode(WireEncoder().encode(value))
        if self._is_secret_key is not None and b'"value"' in encoded:
            self.secret = True  # it may be named in there; only a walk can tell
        return Opaque(cls, encoded)
