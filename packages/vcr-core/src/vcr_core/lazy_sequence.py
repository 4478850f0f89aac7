"""The frames of a recording as a sequence, none of which is read before it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar, overload

from vcr_core.errors import VcrError

T = TypeVar("T")


class FrameIndexError(VcrError, IndexError):
    """There is no such frame.

    Attributes:
        index: What was asked for.
        frames: How many there are.
    """

    def __init__(self, path: object, index: int, frames: int) -> None:
        self.index = index
        self.frames = frames
        last = f"frames 0 to {frames - 1}" if frames else "no frames"
        super().__init__(f"{path} has no frame {index}; it has {last}")


class LazySequence(Sequence[T]):
    """A sequence whose items are made when they are asked for, each time anew.

    Args:
        length: Returns the number of items.
        make: Makes one.
        where: What an error names.
        make_all: Makes all, in order, where that is cheaper than one by one.
    """

    def __init__(
        self,
        length: Callable[[], int],
        make: Callable[[int], T],
        where: object,
        make_all: Callable[[], Iterator[T]] | None = None,
    ) -> None:
        self._length = length
        self._make = make
        self._where = where
        self._make_all = make_all

    def __iter__(self) -> Iterator[T]:
        return super().__iter__() if self._make_all is None else self._make_all()

    def __len__(self) -> int:
        return self._length()

    @overload
    def __getitem__(self, index: int) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> list[T]: ...
    def __getitem__(self, index: int | slice) -> T | list[T]:
        if isinstance(index, slice):
            return [self._make(i) for i in range(*index.indices(self._length()))]
        return self._make(check_index(self._where, index, self._length()))


def check_index(where: object, index: int, length: int) -> int:
    """Return a frame's index, counted from the end if negative.

    Raises:
        FrameIndexError: If there is no such frame.
    """
    found = index + length if index < 0 else index
    if not 0 <= found < length:
        raise FrameIndexError(where, index, length)
    return found
