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

_KEYS = ("key", "parent")
_TEXTS = ("node_name", "model", "label", "error_type", "error_message")
_words_of = attrgetter("node_name", "kind", "status", "model", "origin", "label", "call", "effect")
_RARE = ("tokens", "tokens_input", "tokens_output", "cost_usd", "gap", "asked", "spawn")
_rare_of = attrgetter(*_RARE)
_NOTHING_RARE = (None,) * len(_RARE)
_MAX_KNOWN = 4096
_MAX_LENGTH = 512
_FAR = 1e15
_ORDINALS = re.compile(r"(?:^|(?<=[|/#]))[0-9]{1,7}(?=[:/|]|$)")
"""The numbers in the key of a step: of its branch, its super-step, and how often it was met."""


class RowEncoder:
    """Encodes rows; remembers the words in which it found nothing wrong and no secret, since they come again and again.

    Args:
        redactor: None writes the words as they are.
    """

    def __init__(self, redactor: Redactor | None) -> None:
        self._redactor = redactor
        self._right: set[tuple[Any, ...]] = set()
        self._stems: set[str] = set()

    def encode(self, row: FrameRow) -> bytes:
        """Return the encoded fields of a row; what is changed for it is changed in the row."""
        try:
            words = _words_of(row)
            # What an error says may hold anything each time.
            if words in self._right and row.error_message is None is row.error_type and self._knows_keys(row):
                latency = row.latency_ms
                right = type(latency) is float and -_FAR < latency < _FAR and type(row.timestamp) is str
                return row_fields(row, right and _rare_of(row) == _NOTHING_RARE)
            self._redact(row)
            encoded = row_fields(row)
            if _words_of(row) == words and len(encoded) < _MAX_LENGTH and len(self._right) < _MAX_KNOWN:
                self._right.add(words)
            return encoded
        except (FormatError, AttributeError, TypeError, ValueError):
            _repair(row)
            self._redact(row)
            return row_fields(row)

    def _knows_keys(self, row: FrameRow) -> bool:
        """Tell whether the keys of a row are harmless: they are new with each step, but for their numbers."""
        key, parent, stems = row.key, row.parent, self._stems
        return (key is None or _ORDINALS.sub("", key) in stems) and (
            parent is None or _ORDINALS.sub("", parent) in stems
        )

    def _redact(self, row: FrameRow) -> None:
        redactor = self._redactor
        if redactor is None:
            return
        for name in (*_TEXTS, *_KEYS):
            text = getattr(row, name)
            clean = redactor.redact_text(text) if text else text
            if clean != text:
                setattr(row, name, clean)
            elif name in _KEYS and text and len(self._stems) < _MAX_KNOWN and len(text) < _MAX_LENGTH:
                self._stems.add(_ORDINALS.sub("", text))


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
