"""Walking and editing JSON-able trees without recursion, copying only the containers on the way to a change.

What is changed, and why, is decided by the caller.
"""

from __future__ import annotations

from typing import Any, TypeGuard

from vcr_core.redaction.placeholders import PLACEHOLDER

Tree = Any
"""A tree of dict, list, str and JSON scalars."""


def is_dict(value: Tree) -> TypeGuard[dict[str, Tree]]:
    """Tell whether a tree is a dict; its keys are strings, as in JSON."""
    return isinstance(value, dict)


def is_list(value: Tree) -> TypeGuard[list[Tree]]:
    """Tell whether a tree is a list."""
    return isinstance(value, list)


class Place:
    """Where a value stands: `container[key]`, with the container's own place as `parent` (None for the root)."""

    __slots__ = ("container", "key", "parent")

    def __init__(self, container: dict[str, Tree] | list[Tree], key: str | int, parent: Place | None) -> None:
        self.container: Any = container
        self.key = key
        self.parent = parent

    def pointer(self) -> str:
        """Return the RFC 6901 pointer of this place; a placeholder-bearing key is written as it stands."""
        parts: list[str] = []
        place: Place | None = self
        while place is not None:
            parts.append(str(place.key).replace("~", "~0").replace("/", "~1"))
            place = place.parent
        return "".join("/" + part for part in reversed(parts))


class Edits:
    """Changes to one tree, collected while it is walked and applied at the end to a copy."""

    def __init__(self, root: Tree) -> None:
        self._root = root
        self._values: list[tuple[Place, Tree]] = []
        self._keys: list[tuple[Place, str]] = []

    def set_value(self, place: Place, value: Tree) -> None:
        """Put `value` at `place`."""
        self._values.append((place, value))

    def rename_key(self, place: Place, key: str) -> None:
        """Let the value at `place`, in a dict, stand under `key` instead."""
        self._keys.append((place, key))

    def apply(self) -> Tree:
        """Return the changed copy, or the tree itself when there is nothing to change."""
        if not self._values and not self._keys:
            return self._root
        copies: dict[int, Any] = {0: self._root.copy()}
        for place, value in self._values:
            _copy_to(place, copies)[place.key] = value
        renames: dict[int, tuple[dict[str, Tree], dict[str, str]]] = {}
        for place, key in self._keys:
            container = _copy_to(place, copies)
            renames.setdefault(id(container), (container, {}))[1][str(place.key)] = key
        for container, names in renames.values():
            renamed = {names.get(key, key): value for key, value in container.items()}
            container.clear()
            container.update(renamed)
        return copies[0]


def _copy_to(place: Place, copies: dict[int, Any]) -> Any:
    """Return the copy of the container of `place`, copying the containers above it first where needed."""
    missing: list[Place] = []
    above = place.parent
    while above is not None and id(above) not in copies:
        missing.append(above)
        above = above.parent
    container = copies[id(above) if above is not None else 0]
    for step in reversed(missing):
        child = container[step.key].copy()
        container[step.key] = child
        copies[id(step)] = child
        container = child
    return container


def holds_placeholder(text: str) -> bool:
    """Tell whether there is a placeholder anywhere in `text`."""
    return "[REDACTED:" in text and PLACEHOLDER.search(text) is not None
