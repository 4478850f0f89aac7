"""What is said when a running agent leaves its tape."""

from __future__ import annotations

import sys
import types
from typing import Any, Literal

from vcr_core.errors import VcrError

DivergenceKind = Literal["input", "unexpected", "leftover", "stalled", "stream", "unrestorable"]

_ADVICE: dict[str, str] = {
    "input": "The step is asked with another input than was recorded. Cut before it (from_frame={frame}), or, if the "
    "new input is meant, record the run again.",
    "unexpected": "The agent takes a step that the tape does not hold there. If the code was changed on purpose, guard "
    "the new part with patched('…'), or cut before it.",
    "leftover": "The agent ended without taking a step that the tape holds. Cut before it, or record the run again.",
    "stalled": "The agent waits for a step that the tape holds earlier, and that nothing is going to take.",
    "stream": "The agent reads more of a stream than was recorded: it was closed early then.",
    "unrestorable": "The recorded output has a type that cannot be restored here. Import its module, or pass "
    "allow=['module:Class'].",
}


class StepError(VcrError):
    """Base of errors about steps."""


class DivergenceError(StepError):
    """A replayed agent asks for something else than its tape holds there; nothing was called live.

    Attributes:
        kind: What differs.
        key: The step that was asked for, or that was left over.
        path: JSON pointer to the first difference of the inputs, or None.
        expected: What the tape holds there.
        actual: What the agent gave.
        candidates: Up to three taped steps that are nearest, as ``(frame, key, why)``.
        call_site: ``file:line`` of the call, or None.
        frame: The taped frame that was compared with, or None.
    """

    def __init__(  # noqa: PLR0913  # each is a fact of its own
        self,
        kind: DivergenceKind,
        key: str,
        *,
        path: str | None = None,
        expected: Any = None,
        actual: Any = None,
        candidates: list[tuple[int, str, str]] | None = None,
        call_site: str | None = None,
        frame: int | None = None,
    ) -> None:
        self.kind = kind
        self.key = key
        self.path = path
        self.expected = expected
        self.actual = actual
        self.candidates = candidates or []
        self.call_site = call_site
        self.frame = frame
        super().__init__(self._text())

    def _text(self) -> str:
        where = f" (called at {self.call_site})" if self.call_site else ""
        taped = f", frame {self.frame}" if self.frame is not None else ""
        lines = [f"{self.kind} divergence at step {self.key}{taped}{where}"]
        if self.path is not None:
            pointer = self.path or "the whole input"
            lines.append(f"  differs first at {pointer}: recorded {_short(self.expected)}, now {_short(self.actual)}")
        if self.candidates:
            lines.append("  nearest on the tape:")
            lines.extend(f"    frame {frame}: {key} ({why})" for frame, key, why in self.candidates)
        lines.append("  " + _ADVICE[self.kind].format(frame="…" if self.frame is None else self.frame))
        return "\n".join(lines)


class InDoubtError(StepError):
    """A step with outside effects had begun when the recorded run died; whether it happened is not known.

    Attributes:
        key: The step.
        name: Its name.
    """

    def __init__(self, key: str, name: str) -> None:
        self.key = key
        self.name = name
        super().__init__(
            f"step {key} ({name}) had begun when the recorded run died, and left no result: whether its effect "
            "happened is not known. Look, then resume with in_doubt={'" + name + "': 'retry'}, or 'skip', or give the "
            "step an idempotency_key so that repeating it is safe."
        )


def find_call_site() -> str | None:
    """Return ``file:line`` of the nearest caller outside of this package and the standard library's plumbing."""
    frame: types.FrameType | None = sys._getframe(1)  # pyright: ignore[reportPrivateUsage]  # no public way is as cheap
    while frame is not None:
        module = str(frame.f_globals.get("__name__", ""))
        if not module.startswith(("vcr_core.", "asyncio.", "concurrent.", "contextlib", "threading")):
            return f"{frame.f_code.co_filename}:{frame.f_lineno}"
        frame = frame.f_back
    return None


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 120 else f"{text[:117]}…"
