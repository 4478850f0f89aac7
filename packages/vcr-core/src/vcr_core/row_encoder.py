"""The small fields of a frame on their way to the file: redacted, and made readable whatever a caller put into them.

How lines are built is `vcr_core.wire_format`; the states are the business of `vcr_core.state_chain`.
"""

from __future__ import annotations

import re
from operator import attrgetter
from typing import Any, get_args

import msgspec

from vcr_core.frames import FrameRow
from vcr_core.redaction import Redactor
from vcr_core.values.encode import readable, shallow_repr
from vcr_core.wire_format import FormatError, row_fields

_TEXTS = ("node_name", "model", "error_type", "error_message", "key", "parent", "label")
_KEYS = ("key", "parent")
_texts_of = attrgetter(*_TEXTS)
_MAX_KNOWN = 4096
_MAX_LENGTH = 200
_ORDINALS = re.compile(r"(?:^|(?<=[|/#]))[0-9]{1,7}(?=[:/|]|$)")
"""The numbers in the key of a step: of its branch, its super-step, and how often it was met."""


class RowEncoder:
    """Encodes rows; remembers the texts in which it found no secret, since names come again and again.

    Args:
        redactor: None writes them as they are.
    """

    def __init__(self, redactor: Redactor | None) -> None:
        self._redactor = redactor
        self._known: set[str] = set()

    def encode(self, row: FrameRow) -> bytes:
        """Return the encoded fields of a row; what is changed for it is changed in the row."""
        try:
            self._redact(row)
            return row_fields(row)
        except (FormatError, AttributeError, TypeError, ValueError):
            _repair(row)
            self._redact(row)
            return row_fields(row)

    def _redact(self, row: FrameRow) -> None:
        redactor, known = self._redactor, self._known
        if redactor is None:
            return
        given: tuple[Any, ...] = _texts_of(row)
        unknown: set[str] = {text for text in given if text} - known
        # A key is new with each step, but for its numbers.
        if all(text in (row.key, row.parent) and _ORDINALS.sub("", text) in known for text in unknown):
            return
        for name in _TEXTS:
            text = getattr(row, name)
            if text not in unknown:
                continue
            clean = redactor.redact_text(text)
            if clean != text:
                setattr(row, name, clean)
            elif len(known) < _MAX_KNOWN and len(text) < _MAX_LENGTH:
                known.add(_ORDINALS.sub("", text) if name in _KEYS else text)


def _repair(row: FrameRow) -> None:
    """Turn every field of a row into what it should be: text into text, numbers into numbers or nothing."""
    for field in msgspec.structs.fields(FrameRow):
        value = getattr(row, field.name)
        optional = not field.required and field.default is None
        if value is None and optional:
            continue
        kinds = get_args(field.type) or (field.type,)
        if str in kinds:
            fixed: Any = readable(value) if isinstance(value, str) else shallow_repr(value)
        else:
            fixed = _number(value, float if float in kinds else int, None if optional else 0)
        setattr(row, field.name, fixed)


def _number(value: Any, kind: type[float], instead: float | None) -> float | None:
    try:
        number = kind(value)
        return number if -(2.0**63) < number < 2.0**63 else instead
    except Exception:  # noqa: BLE001  # an agent's object may raise anything when it is asked for a number
        return instead
