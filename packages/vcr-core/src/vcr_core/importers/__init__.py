"""Recordings made of what others wrote: message lists, recordings of `ai-agent-vcr` 1.x."""

from __future__ import annotations

from vcr_core.errors import VcrError


class ImportFileError(VcrError):
    """A file that does not hold what was to be imported.

    Attributes:
        path: The file.
        place: Where in it, as a person would look for it; "" for the whole file.
        reason: What is wrong there.
    """

    def __init__(self, path: object, place: str, reason: str) -> None:
        self.path = path
        self.place = place
        self.reason = reason
        where = f", {place}" if place else ""
        super().__init__(f"{path}{where}: {reason}")


__all__ = ["ImportFileError"]
