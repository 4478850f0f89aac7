"""What a session's log says: a fold over its records, the same while running and when read back.

Pure: no disk, no repository.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Literal

from vcr_acid.errors import NothingToUndo, SavepointNotFound

Status = Literal["open", "committed", "aborted"]


@dataclass(frozen=True)
class Savepoint:
    """A checkpoint of state and files together.

    Attributes:
        number: Position among the session's savepoints, from 0.
        commit: The commit's id (hex); ``git show`` reads it.
        node_name: The step it belongs to.
        time: Seconds since the epoch.
        reason: Why it was taken: ``begin``, ``savepoint``, ``auto``, ``before rollback``, …
        changed: Up to 50 paths that changed since the savepoint before.
        changed_count: How many changed.
        frame_index: Index of the recording's frame, if there is a recording.
        unsaved: Files that could not be saved, and why.
    """

    number: int
    commit: str
    node_name: str
    time: float
    reason: str
    changed: tuple[str, ...] = ()
    changed_count: int = 0
    frame_index: int | None = None
    unsaved: tuple[tuple[str, str], ...] = ()

    @property
    def index(self) -> int:
        """The index of the frame if there is one, else the number."""
        return self.number if self.frame_index is None else self.frame_index


@dataclass
class Effect:
    """An outside effect: its status and what ``do`` gave.

    Attributes:
        key: Its name.
        status: ``doing``, ``done``, ``failed``, ``deferred``, ``undoing``, ``undone``, ``undo failed``, ``kept`` (done,
            and without an undo) or ``dropped``.
        savepoint: The newest savepoint when it was asked for.
        result: What ``do`` returned.
        error: Why it failed.
        order: Its place among the session's effects.
        deferred: Whether it is for the commit.
    """

    key: str
    status: str
    savepoint: int
    result: Any = None
    error: str = ""
    order: int = 0
    deferred: bool = False

    @property
    def waits(self) -> bool:
        """Whether a commit is not finished without it: it did not run, or a crash hides whether it did."""
        return self.deferred and self.status not in ("done", "kept", "undone", "dropped")


@dataclass(frozen=True)
class Resolution:
    """What a conflicting path shall be: a blob (None: nothing), and its git mode if that was decided, too."""

    blob: str | None
    mode: str | None = None


@dataclass
class SessionState:
    """Everything a session's log adds up to."""

    session_id: str = ""
    begin: dict[str, Any] = field(default_factory=dict[str, Any])
    status: Status = "open"
    savepoints: list[Savepoint] = field(default_factory=list[Savepoint])
    timeline: list[int] = field(default_factory=list[int])
    cursor: int = -1
    pending: dict[str, Any] | None = None
    committing: dict[str, Any] | None = None
    effects: dict[str, Effect] = field(default_factory=dict[str, Effect])
    pinned: list[str] = field(default_factory=list[str])
    resolutions: dict[str, Resolution] = field(default_factory=dict[str, "Resolution"])
    result: dict[str, Any] | None = None
    settled: tuple[str, str] | None = None
    frame_aliases: dict[int, int] = field(default_factory=dict[int, int])

    @property
    def current(self) -> Savepoint:
        """The savepoint the session stands at."""
        return self.savepoints[self.timeline[self.cursor]]

    @property
    def unfinished_effects(self) -> list[Effect]:
        """Effects whose outcome is unknown, or that still wait."""
        unknown = ("doing", "undoing", "undo failed")
        return [effect for effect in self.effects.values() if effect.waits or effect.status in unknown]

    @property
    def unfinished(self) -> bool:
        """Whether there is anything left to do in the session."""
        return self.status == "open" or bool(self.unfinished_effects)

    def apply(self, kind: str, data: dict[str, Any]) -> None:
        """Fold in one record. Unknown kinds are skipped."""
        handler = getattr(self, "_on_" + kind.replace("-", "_"), None)
        if handler is not None:
            handler(data)

    def _on_begin(self, data: dict[str, Any]) -> None:
        self.begin = data
        self.session_id = data["session"]

    def _on_savepoint(self, data: dict[str, Any]) -> None:
        savepoint = Savepoint(
            number=data["number"],
            commit=data["commit"],
            node_name=data["node_name"],
            time=data["time"],
            reason=data["reason"],
            changed=tuple(data["changed"]),
            changed_count=data["changed_count"],
            frame_index=data.get("frame"),
            unsaved=tuple((path, why) for path, why in data.get("unsaved", ())),
        )
        self.savepoints.append(savepoint)
        if data.get("aside"):
            return
        self.settled = None
        del self.timeline[self.cursor + 1 :]
        self.timeline.append(savepoint.number)
        self.cursor = len(self.timeline) - 1

    def _on_frame(self, data: dict[str, Any]) -> None:
        number: int = data["number"]
        savepoint: Savepoint = self.savepoints[number]
        self.savepoints[number] = replace(savepoint, frame_index=data["frame"])

    def _on_alias(self, data: dict[str, Any]) -> None:
        self.frame_aliases[data["frame"]] = data["number"]

    def _on_restore(self, data: dict[str, Any]) -> None:
        self.pending = data

    def _on_restored(self, data: dict[str, Any]) -> None:
        pending, self.pending = self.pending, None
        self.settled = (data["tree"], data["extras"]) if data.get("tree") else None
        if pending is None or pending.get("paths") is not None:
            return
        cursor = pending.get("cursor")
        if cursor is None:
            del self.timeline[self.cursor + 1 :]
            self.timeline.append(pending["to"])
            cursor = len(self.timeline) - 1
        self.cursor = cursor

    def _on_effect(self, data: dict[str, Any]) -> None:
        key = data["key"]
        known = self.effects.get(key)
        order = known.order if known else len(self.effects)
        result = data.get("result", known.result if known else None)
        savepoint = data.get("savepoint", known.savepoint if known else 0)
        deferred = data["status"] == "deferred" or data.get("deferred", known is not None and known.deferred)
        self.effects[key] = Effect(key, data["status"], savepoint, result, data.get("error", ""), order, deferred)

    def _on_pin(self, data: dict[str, Any]) -> None:
        self.pinned.extend(data["commits"])

    def _on_resolve(self, data: dict[str, Any]) -> None:
        modes: dict[str, str] = data.get("modes", {})
        for path, blob in data["paths"].items():
            self.resolutions[path] = Resolution(blob, modes.get(path))

    def _on_commit(self, data: dict[str, Any]) -> None:
        self.committing = data

    def _on_commit_void(self, data: dict[str, Any]) -> None:
        self.committing = None

    def _on_committed(self, data: dict[str, Any]) -> None:
        self.committing = None
        self.status = "committed"
        self.result = data

    def _on_aborted(self, data: dict[str, Any]) -> None:
        self.status = "aborted"
        self.result = data

    # -- questions ----------------------------------------------------------------------------------------------------

    def find(self, *, number: int | None = None, frame_index: int | None = None, name: str | None = None) -> Savepoint:
        """The savepoint with a number, of a frame, or (the latest) with a node name.

        Raises:
            SavepointNotFound: There is none; files and state move together, so no neighbour is taken instead.
        """
        if number is not None:
            if 0 <= number < len(self.savepoints):
                return self.savepoints[number]
            raise SavepointNotFound(f"number {number}", [f"0 to {len(self.savepoints) - 1}"])
        if frame_index is not None:
            if frame_index in self.frame_aliases:
                return self.savepoints[self.frame_aliases[frame_index]]
            for savepoint in self.savepoints:
                if savepoint.index == frame_index and (savepoint.frame_index is not None or not self._has_frames):
                    return savepoint
            frames = [s.index for s in self.savepoints if s.frame_index is not None or not self._has_frames]
            near = sorted(frames, key=lambda f: abs(f - frame_index))[:6]
            raise SavepointNotFound(f"frame {frame_index}", [f"frame {f}" for f in sorted(near)])
        for savepoint in reversed(self.savepoints):
            if savepoint.node_name == name:
                return savepoint
        raise SavepointNotFound(f"name {name!r}", sorted({s.node_name for s in self.savepoints if s.node_name}))

    @property
    def _has_frames(self) -> bool:
        return any(s.frame_index is not None for s in self.savepoints)

    def step_back(self, steps: int) -> int:
        """Cursor after ``steps`` undos.

        Raises:
            NothingToUndo: That is before the beginning.
        """
        if steps < 1 or self.cursor - steps < 0:
            raise NothingToUndo("undo", steps, self.cursor)
        return self.cursor - steps

    def step_forward(self, steps: int) -> int:
        """Cursor after ``steps`` redos.

        Raises:
            NothingToUndo: That is beyond the end.
        """
        possible = len(self.timeline) - 1 - self.cursor
        if steps < 1 or steps > possible:
            raise NothingToUndo("redo", steps, possible)
        return self.cursor + steps


def fold(records: list[tuple[str, dict[str, Any]]]) -> SessionState:
    """The state a list of records adds up to."""
    state = SessionState()
    for kind, data in records:
        state.apply(kind, data)
    return state
