"""The lines of a recording: how they are built, sealed and taken apart.  The contract is ``docs/format.md``.

A line is ``{"type": …, "data": …, "hash": …}``.  The hash is last and of fixed length, so that a line can be sealed
and checked by its bytes, without decoding it.  In the data of a frame the small fields stand first, then always
``"metadata"``, then the states, so that a row of a list is read from a prefix of the line.

Nothing here touches a file.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import Any

import msgspec

from vcr_core.errors import VcrError
from vcr_core.frames import ErrorInfo, FrameRow

FORMAT = "2.0"
"""Major: a reader of an older major must refuse.  Minor: fields or line types were added that it may skip."""

HASH_HEX = 32
FRAME_START = b'{"type":"frame",'
END_START = b'{"type":"end",'
_HASH_FIELD = b',"hash":"'
_SEAL_LENGTH = len(_HASH_FIELD) + HASH_HEX + 2
_METADATA_FIELD = b',"metadata":'

DECODE_ERRORS = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What decoding a damaged or hostile line may raise."""

encode = msgspec.json.encode
decode = msgspec.json.decode


class FormatError(VcrError):
    """A file or line that cannot be read as a recording.

    Attributes:
        path: The file, where known.
        line: Line number from 1, or None.
        reason: What is wrong with it.
    """

    def __init__(self, reason: str, *, path: object = None, line: int | None = None) -> None:
        self.reason = reason
        self.path = path
        self.line = line
        where = f"{path}" if path is not None else "recording"
        super().__init__(f"{where}{f', line {line}' if line else ''}: {reason}")


class FrameLine(msgspec.Struct, gc=False):
    """A frame's line as far as a row needs it."""

    data: FrameRow


class TapeRef(msgspec.Struct):
    """Where the states of a frame stand that was served from a tape."""

    session: str
    frame: int


class FrameStates(msgspec.Struct, omit_defaults=True, gc=False):
    """The states of a frame as they are written: whole, or as operations against `base` and the input.

    `base_part` tells which state of the base frame the input refers to; where there is an `output_base`, the output is
    written against that frame's, not against the input.  `mutated` holds what the body made of
    arguments in place, by name, or `mutated_patch` the operations from the input to that; `returned` names the argument
    that the output is.
    """

    index: int = -1
    base: int | None = None
    base_part: str = "output"
    input_state: Any = msgspec.UNSET
    input_patch: list[dict[str, Any]] | None = None
    output_state: Any = msgspec.UNSET
    output_patch: list[dict[str, Any]] | None = None
    output_base: int | None = None
    tape: TapeRef | None = None
    mutated: dict[str, Any] | None = None
    mutated_patch: list[dict[str, Any]] | None = None
    returned: str | None = None


class FrameBody(FrameStates, gc=False):
    """All of a frame's data but the fields of its row."""

    metadata: dict[str, Any] = {}
    error: ErrorInfo | None = None


class StatesLine(msgspec.Struct, gc=False):
    """A frame's line as far as its states need it."""

    data: FrameStates


class BodyLine(msgspec.Struct):
    """A frame's line without the row."""

    data: FrameBody


class AnyLine(msgspec.Struct):
    """Any line, its data still encoded."""

    type: str
    data: msgspec.Raw = msgspec.Raw(b"{}")
    hash: str = ""


_row_decoder = msgspec.json.Decoder(FrameLine)
_row_only_decoder = msgspec.json.Decoder(FrameRow)
_any_decoder = msgspec.json.Decoder(AnyLine)
states_decoder = msgspec.json.Decoder(StatesLine)
body_decoder = msgspec.json.Decoder(BodyLine)


def seal(body: bytes, previous: str, key: bytes = b"") -> tuple[bytes, str]:
    """Close a line with its hash.

    Args:
        body: The line up to, and without, the hash: ``{"type":…,"data":…``.
        previous: Hash of the line before; "" for the first.
        key: Key of the chain, "" for a plain one.

    Returns:
        The whole line with its newline, and its hash: BLAKE2b (RFC 7693), 16 bytes in hex, over the previous hash
        and the body.
    """
    hasher = _new_hasher(key).copy()
    hasher.update(previous.encode())
    hasher.update(body)
    digest = hasher.hexdigest()
    return body + b',"hash":"%b"}\n' % digest.encode(), digest


@lru_cache(maxsize=16)
def _new_hasher(key: bytes) -> hashlib.blake2b:
    return hashlib.blake2b(digest_size=HASH_HEX // 2, key=key)


def unseal(line: bytes) -> tuple[bytes, str] | None:
    """Split a line (with or without newline) into body and hash; None if it carries no seal."""
    line = line.rstrip(b"\n")
    body, mark, rest = line[:-_SEAL_LENGTH], line[-_SEAL_LENGTH : -HASH_HEX - 2], line[-HASH_HEX - 2 :]
    if mark != _HASH_FIELD or not rest.endswith(b'"}'):
        return None
    return body, rest[:-2].decode("ascii", "replace")


def line_body(kind: str, data: Any) -> bytes:
    """Return an unsealed line of any kind but a frame."""
    return b'{"type":%b,"data":%b' % (encode(kind), encode(data))


def row_fields(row: FrameRow, known: bool = False) -> bytes:
    """Return the encoded fields of a row but its index, which is known when the line is written.

    Args:
        row: The row.
        known: Each field is known to be of its type.

    Raises:
        FormatError: If a reader would refuse them: a field is not of its type.
    """
    try:
        encoded = encode(row)
        if not known:
            _row_only_decoder.decode(encoded)
    except (TypeError, ValueError, OverflowError) as error:
        raise FormatError(f"not the row of a frame: {error}") from error
    return encoded[encoded.index(b",") + 1 : -1]


def frame_body(index: int, row: bytes, metadata: bytes, rest: bytes) -> bytes:
    """Return an unsealed frame line: the row's fields, the encoded metadata, then encoded ``"name":value`` fields."""
    return b'{"type":"frame","data":{"index":%d,%b,"metadata":%b,%b}' % (index, row, metadata, rest)


def decode_row(line: bytes) -> FrameRow:
    """Return the row of a frame's line, reading only its first fields.

    Raises:
        FormatError: If the line is not a frame as this version writes them.
    """
    end = line.find(_METADATA_FIELD)
    try:
        return _row_decoder.decode(line[:end] + b"}}" if end >= 0 else line).data
    except DECODE_ERRORS as error:
        raise FormatError(f"not a frame: {error}") from error


def decode_line(line: bytes) -> AnyLine:
    """Return any line with its data still encoded.

    Raises:
        FormatError: If it is not a JSON object with a type.
    """
    try:
        return _any_decoder.decode(line)
    except DECODE_ERRORS as error:
        raise FormatError(f"not a line of a recording: {error}") from error
