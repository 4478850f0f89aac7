"""What has been done to the resources so far: the history that a read is served by.

The history of a resource is the sequence of the steps that wrote it: their names, code and inputs.  Two worlds in which
it is equal are taken to be equal there.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Sequence

from vcr_golden.effects import Effect, overlap


@dataclasses.dataclass(frozen=True)
class WriteEvent:
    """A step that may have changed something.

    Attributes:
        effect: What it may have changed.
        identity: Digest of its name, code and input.
    """

    effect: Effect
    identity: str


def touches(effect: Effect, resources: Sequence[str]) -> bool:
    """True if what a step wrote is part of `resources`."""
    return any(overlap(first, second) for first in effect.resources for second in resources)


class World:
    """A growing history of writes."""

    def __init__(self) -> None:
        self.events: list[WriteEvent] = []

    def note(self, effect: Effect, identity: str) -> None:
        """Add a step, if it writes."""
        if effect.writes:
            self.events.append(WriteEvent(effect, identity))

    def history(self, effect: Effect, *, upto: int | None = None) -> str:
        """Return the digest of the history that a step with this effect depends on; "" for one that reads nothing.

        Args:
            effect: The step's.
            upto: Only so many events count; all by default.

        A tool that nobody described may have written anything, so it is part of every history.
        """
        if not effect.reads:
            return ""
        found = hashlib.blake2b(digest_size=12)
        for event in self.events[:upto]:
            if touches(event.effect, effect.resources):
                found.update(event.identity.encode())
        return found.hexdigest()
