"""Deltas between versions of one object, cheap to find because we know what came before it.

A general delta search compares everything with everything. Savepoints do not need it: the previous version of a tree or
file is known, and mostly one run of bytes differs. Trees are compared entry by entry, all else by common ends. The
encoding is git's pack delta.
"""

from __future__ import annotations

from collections.abc import Iterator

_MAX_COPY = 0xFFFFFF
_MAX_INSERT = 127


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(0x80 | (value & 0x7F))
        value >>= 7
    out.append(value)
    return bytes(out)


def _copy(offset: int, size: int) -> bytes:
    code, tail = 0x80, bytearray()
    for bit in range(4):
        byte = offset >> (8 * bit) & 0xFF
        if byte:
            code |= 1 << bit
            tail.append(byte)
    for bit in range(3):
        byte = size >> (8 * bit) & 0xFF
        if byte:
            code |= 0x10 << bit
            tail.append(byte)
    return bytes([code]) + bytes(tail)


class _Writer:
    def __init__(self, base: bytes, target: bytes) -> None:
        self._out = [_varint(len(base)), _varint(len(target))]

    def copy(self, offset: int, size: int) -> None:
        while size:
            part = min(size, _MAX_COPY)
            self._out.append(_copy(offset, part))
            offset, size = offset + part, size - part

    def insert(self, data: bytes) -> None:
        for start in range(0, len(data), _MAX_INSERT):
            part = data[start : start + _MAX_INSERT]
            self._out.append(bytes([len(part)]) + part)

    def result(self) -> bytes:
        return b"".join(self._out)


def delta_of_bytes(base: bytes, target: bytes) -> bytes:
    """A delta that keeps the common beginning and end."""
    limit = min(len(base), len(target))
    front = _common_front(base, target, limit)
    back = _common_front(base[::-1][: limit - front], target[::-1][: limit - front], limit - front)
    writer = _Writer(base, target)
    writer.copy(0, front)
    writer.insert(target[front : len(target) - back])
    writer.copy(len(base) - back, back)
    return writer.result()


def _common_front(a: bytes, b: bytes, limit: int) -> int:
    low, high = 0, limit
    while low < high:
        middle = (low + high + 1) // 2
        if a[low:middle] == b[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _spans(data: bytes, id_length: int) -> Iterator[tuple[int, int]]:
    position = 0
    while position < len(data):
        end = data.index(b"\0", position) + 1 + id_length
        yield position, end
        position = end


def delta_of_trees(base: bytes, target: bytes, id_length: int) -> bytes:
    """A delta that keeps runs of equal entries."""
    known = {base[start:end]: start for start, end in _spans(base, id_length)}
    writer = _Writer(base, target)
    run_start = run_size = 0
    for start, end in _spans(target, id_length):
        entry = target[start:end]
        at = known.get(entry)
        if at is not None and run_size and at == run_start + run_size:
            run_size += len(entry)
            continue
        writer.copy(run_start, run_size)
        run_start, run_size = (at, len(entry)) if at is not None else (0, 0)
        if at is None:
            writer.insert(entry)
    writer.copy(run_start, run_size)
    return writer.result()
