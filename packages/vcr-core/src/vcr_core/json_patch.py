"""JSON Patch (RFC 6902): apply a list of operations to a document, strictly.

Operations are plain dicts, ``{"op", "path"}`` with ``value`` (add, replace, test) or ``from`` (move, copy). Nothing is
guessed: a missing target, an index out of range, a leading zero or an unknown operation is an error that names the
operation, its pointer and the reason. Members an operation does not define are ignored, as the RFC asks.

Making patches does not belong here; see :func:`vcr_core.diff.diff_as_patch`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from vcr_core.errors import VcrError
from vcr_core.json_pointer import JsonPointerError, array_index, kind_of, parse

__all__ = ["JsonPatchError", "PatchFormatError", "PatchTargetError", "PatchTestError", "apply"]

_ABSENT: Any = object()


class JsonPatchError(VcrError):
    """A patch that cannot be applied.

    Attributes:
        position: Index of the operation in the patch.
        operation: Its ``op``; empty where that is unknown.
        pointer: The pointer that failed.
        reason: What is wrong with it.
    """

    def __init__(self, position: int, operation: str, pointer: str, reason: str) -> None:
        super().__init__(position, operation, pointer, reason)
        self.position = position
        self.operation = operation
        self.pointer = pointer
        self.reason = reason

    def __str__(self) -> str:
        return f"patch operation {self.position} ({self.operation or '?'} {self.pointer!r}): {self.reason}"


class PatchFormatError(JsonPatchError):
    """An operation is not what RFC 6902 describes."""


class PatchTargetError(JsonPatchError):
    """The document holds nothing where the operation needs something."""


class PatchTestError(JsonPatchError):
    """A ``test`` operation found another value."""


def apply(document: Any, operations: Iterable[Mapping[str, Any]], *, in_place: bool = False) -> Any:
    """Return ``document`` with the operations applied in their order.

    By default ``document`` stays as it is, also on an error: only the containers on a changed path are copied, so the
    result shares everything else with ``document`` and with the operations' values. Treat it as read-only, or copy it.
    With ``in_place`` the document itself is changed (operations before a failing one stay done) and the values are
    copied in. Replacing the whole document can only be seen in the returned value.

    ``test`` compares as RFC 6902 4.6 says: numbers by value (``1`` equals ``1.0``), all else by type and content.

    Raises:
        PatchFormatError: An operation is malformed.
        PatchTargetError: A pointer leads nowhere.
        PatchTestError: A ``test`` failed.
    """
    target = _Target(document, in_place=in_place)
    for position, operation in enumerate(operations):
        _apply_one(target, position, operation)
    return target.document


def _apply_one(target: _Target, position: int, operation: Mapping[str, Any]) -> None:
    if not isinstance(operation, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance] - data from files
        raise PatchFormatError(position, "", "", f"an operation is an object, not a {kind_of(operation).__name__}")
    name = operation.get("op")
    handler = _HANDLERS.get(name) if isinstance(name, str) else None
    if handler is None:
        known = ", ".join(_HANDLERS)
        raise PatchFormatError(position, str(name or ""), "", f'"op" must be one of {known}, not {name!r}')
    pointer = ""
    try:
        tokens: dict[str, tuple[str, ...]] = {}
        for field in ("path", "from") if name in ("move", "copy") else ("path",):
            pointer = operation.get(field, _ABSENT)
            if not isinstance(pointer, str):
                pointer = ""
                raise _FormatFault(f'"{field}" must be a JSON pointer')
            tokens[field] = parse(pointer)
        pointer = operation["path"]
        if name in ("add", "replace", "test") and "value" not in operation:
            raise _FormatFault('"value" is missing')
        handler(target, tokens["path"], tokens.get("from", ()), operation.get("value"))
    except (JsonPointerError, _FormatFault) as fault:
        raise PatchFormatError(position, str(name), pointer, fault.reason) from fault
    except _TestFault as fault:
        raise PatchTestError(position, str(name), pointer, fault.reason) from fault
    except _TargetFault as fault:
        raise PatchTargetError(position, str(name), fault.pointer(operation), fault.reason) from fault


class _Fault(VcrError):
    """What an operation finds wrong, before it is known which one it was."""

    def __init__(self, reason: str, *, field: str = "path") -> None:
        super().__init__(reason)
        self.reason = reason
        self.field = field

    def pointer(self, operation: Mapping[str, Any]) -> str:
        return str(operation[self.field])


class _FormatFault(_Fault):
    pass


class _TargetFault(_Fault):
    pass


class _TestFault(_Fault):
    pass


class _Target:
    """The document under change, and which of its containers may be changed where they are."""

    __slots__ = ("_copies", "_in_place", "document")

    def __init__(self, document: Any, *, in_place: bool) -> None:
        self.document = document
        self._in_place = in_place
        self._copies: dict[int, Any] = {}  # by id; holding the copies keeps their ids from being used again

    def own(self, value: Any) -> Any:
        """Return what stands for an operation's value in the document."""
        return _copy_containers(value) if self._in_place else value

    def find(self, tokens: tuple[str, ...], *, field: str = "path") -> Any:
        """Return the value at a place."""
        value = self.document
        for token in tokens:
            value = _member(value, token, field=field)
        return value

    def open_parent(self, tokens: tuple[str, ...], *, field: str = "path") -> Any:
        """Return the container that holds a place, made changeable together with all above it."""
        self.document = value = self._changeable(self.document)
        for token in tokens[:-1]:
            child = _member(value, token, field=field)
            changeable = self._changeable(child)
            if changeable is not child:
                value[int(token) if kind_of(value) is list else token] = changeable
            value = changeable
        return value

    def _changeable(self, value: Any) -> Any:
        if self._in_place or id(value) in self._copies or kind_of(value) not in (dict, list):
            return value
        copy = value.copy()
        self._copies[id(copy)] = copy
        return copy


def _member(value: Any, token: str, *, field: str) -> Any:
    kind = kind_of(value)
    if kind is dict:
        if token in value:
            return value[token]
        raise _TargetFault(f"there is no member {token!r}", field=field)
    if kind is list:
        return value[_index(token, len(value), field=field)]
    raise _TargetFault(f"a {kind.__name__} has no member {token!r}", field=field)


def _index(token: str, length: int, *, field: str = "path") -> int:
    index = array_index(token)
    if index is None:
        raise _TargetFault(f"{token!r} is no list index", field=field)
    if index >= length:
        raise _TargetFault(f"index {index} is beyond the end ({length})", field=field)
    return index


def _add(target: _Target, path: tuple[str, ...], source: tuple[str, ...], value: Any) -> None:
    _insert(target, path, target.own(value))


def _insert(target: _Target, path: tuple[str, ...], value: Any) -> None:
    if not path:
        target.document = value
        return
    parent = target.open_parent(path)
    kind = kind_of(parent)
    if kind is dict:
        parent[path[-1]] = value
    elif kind is list:
        parent.insert(len(parent) if path[-1] == "-" else _index(path[-1], len(parent) + 1), value)
    else:
        raise _TargetFault(f"a {kind.__name__} has no members")


def _remove(target: _Target, path: tuple[str, ...], source: tuple[str, ...], value: Any) -> None:
    _take(target, path, field="path")


def _take(target: _Target, path: tuple[str, ...], *, field: str) -> Any:
    if not path:
        raise _TargetFault("the whole document cannot be removed; replace it", field=field)
    parent = target.open_parent(path, field=field)
    taken = _member(parent, path[-1], field=field)
    del parent[int(path[-1]) if kind_of(parent) is list else path[-1]]
    return taken


def _replace(target: _Target, path: tuple[str, ...], source: tuple[str, ...], value: Any) -> None:
    value = target.own(value)
    if not path:
        target.document = value
        return
    parent = target.open_parent(path)
    _member(parent, path[-1], field="path")
    parent[int(path[-1]) if kind_of(parent) is list else path[-1]] = value


def _move(target: _Target, path: tuple[str, ...], source: tuple[str, ...], value: Any) -> None:
    if path == source:
        target.find(source, field="from")
    elif path[: len(source)] == source:
        raise _FormatFault("a value cannot be moved into itself")
    else:
        _insert(target, path, _take(target, source, field="from"))


def _copy(target: _Target, path: tuple[str, ...], source: tuple[str, ...], value: Any) -> None:
    _insert(target, path, _copy_containers(target.find(source, field="from")))


def _test(target: _Target, path: tuple[str, ...], source: tuple[str, ...], value: Any) -> None:
    if not _rfc_equal(target.find(path), value):
        raise _TestFault("the value there is another one")


_Handler = Callable[[_Target, "tuple[str, ...]", "tuple[str, ...]", Any], None]
_HANDLERS: dict[str, _Handler] = {
    "add": _add,
    "remove": _remove,
    "replace": _replace,
    "move": _move,
    "copy": _copy,
    "test": _test,
}


def _copy_containers(value: Any) -> Any:
    """Copy dicts and lists of any depth, sharing the leaves."""
    holder: Any = [value]
    stack: list[Any] = [holder]
    while stack:
        node = stack.pop()
        for key in list(node) if kind_of(node) is dict else range(len(node)):
            child = node[key]
            if kind_of(child) in (dict, list):
                node[key] = copy = child.copy()
                stack.append(copy)
    return holder[0]


def _rfc_equal(x: Any, y: Any) -> bool:
    from vcr_core.diff.content import exact_equal  # only "test" needs it, and every player imports this module

    pairs: list[tuple[Any, Any]] = [(x, y)]
    while pairs:
        left, right = pairs.pop()
        kinds: set[type[Any]] = {kind_of(left), kind_of(right)}
        if kinds == {dict}:
            if left.keys() != right.keys():
                return False
            pairs += [(left[key], right[key]) for key in left]
        elif kinds == {list}:
            if len(left) != len(right):
                return False
            pairs += zip(left, right, strict=True)
        elif kinds <= {int, float}:
            if left != right and not (left != left and right != right):
                return False
        elif not exact_equal(left, right):
            return False
    return True
