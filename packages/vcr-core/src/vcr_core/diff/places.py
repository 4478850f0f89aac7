"""A place in a document as a chain from the leaf up, so that going one level down costs the same at any depth."""

from __future__ import annotations

from typing import Any, Optional

from vcr_core.json_pointer import build

__all__ = ["Place", "pointer_to"]

# (the chain to the parent, key or index); None is the document itself. A recursive alias is beyond Python 3.10.
Place = Optional[tuple[Any, "str | int"]]  # noqa: UP045 - evaluated at run time


def pointer_to(place: Place) -> str:
    """Return the JSON pointer of a place."""
    tokens: list[str | int] = []
    while place is not None:
        place, token = place
        tokens.append(token)
    tokens.reverse()
    return build(tokens)
