"""One open session: scanning, savepoints and restores over the store, in the right order.

This is the engine below :class:`~vcr_acid.transaction.workspace.ACIDWorkspace`; it knows nothing of recorders, merging
or effects. Order of a savepoint: objects, one durable log record, ref. Order of a restore: savepoint, durable intent,
changes, durable end.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Generator
from typing import Any, Literal

from vcr_acid.disk import Disk
from vcr_acid.errors import AcidError, StoreError
from vcr_acid.git_guard.fingerprint import GitGuard
from vcr_acid.policies import Policy
from vcr_acid.restore.apply import RestoreOutcome, Restorer
from vcr_acid.restore.plan import make_plan
from vcr_acid.scanner.live import LiveScanner
from vcr_acid.scanner.nodes import TREE
from vcr_acid.scanner.trees import build_trees, decode_tree, encode_tree
from vcr_acid.scanner.walk import Scanner
from vcr_acid.store.escrow import Escrow
from vcr_acid.store.layout import Layout
from vcr_acid.store.objects import ObjectStore, decode_objects, encode_objects
from vcr_acid.store.refs import Refs
from vcr_acid.store.session_log import Record, SessionLog
from vcr_acid.store.snapshots import Snapshot, SnapshotWriter
from vcr_acid.transaction.recording import parse_dotenv
from vcr_acid.transaction.session_state import Savepoint, SessionState
from vcr_acid.transaction.user_git import keep_user_work, pin_commits

_SHOWN_CHANGES = 50
_MAX_DOTENV = 1 << 20


@contextlib.contextmanager
def disk_errors(operation: str) -> Generator[None, None, None]:
    """Turn ``OSError`` into :class:`StoreError`."""
    try:
        yield
    except AcidError:
        raise
    except OSError as error:
        raise StoreError.from_os(operation, error) from error


class Session:
    """An open session over one workspace. Not thread-safe; its owner serialises calls."""

    def __init__(self, layout: Layout, log: SessionLog, disk: Disk, policy: Policy, *, watch: bool) -> None:
        self.layout = layout
        self.log = log
        self.disk = disk
        self.policy = policy
        self.store = ObjectStore(layout, disk)
        self.refs = Refs(layout, disk)
        self.escrow = Escrow(layout, disk)
        self.guard = GitGuard(layout, self.refs)
        self.state = SessionState()
        for record in log.records:
            self.state.apply(record.kind, record.data)
        head: dict[str, str] = self.state.begin.get("head") or {}
        self.guard.remember(*filter(None, (head.get("head"), self.state.begin.get("tip"))))
        self.writer = SnapshotWriter(self.store)
        modes = self.state.begin.get("modes")
        self.live = LiveScanner(layout, self.store, self.escrow, policy, modes=modes, watch=watch)
        self._saved: tuple[bytes, bytes] | None = None

    # -- log ----------------------------------------------------------------------------------------------------------

    def record(self, kind: str, data: dict[str, Any], payload: bytes = b"", *, sync: bool = True) -> Record:
        """Append to the log and fold the record into the state."""
        record = self.log.append(kind, data, payload, sync=sync)
        self.state.apply(kind, data)
        return record

    def ref_name(self, part: object) -> str:
        """The name of one of this session's refs."""
        return f"refs/vcr/{self.state.session_id}/{part}"

    # -- scanning -----------------------------------------------------------------------------------------------------

    @property
    def scanner(self) -> Scanner:
        """The scanner, made when first needed."""
        return self.live.scanner

    @property
    def watching(self) -> bool:
        """Whether changes are heard of without a walk."""
        return self.live.watching

    def scan(self, *, full: bool = False) -> bytes:
        """Bring the scanner up to date; returns the workspace's tree (its new objects are queued)."""
        self.live.scan(full=full)
        return build_trees(self.scanner.root, self.store, self.scanner.extras)

    def _fixed_extras(self) -> dict[str, Any]:
        return {"ignore": self.scanner.rule_sources, "defaults": list(self.scanner.default_modes)}

    def compare(self, tree: bytes) -> Literal["saved", "settled", "changed"]:
        """What the workspace as just scanned is: the current savepoint, what the last restore left, or neither."""
        if not self.state.savepoints:
            return "changed"
        now = (tree, self.writer.extras_id(self.scanner.extras, self._fixed_extras()))
        if self._saved is None:
            current = self.snapshot(self.state.current)
            self._saved = (current.tree, current.extras_id)
        if now == self._saved:
            return "saved"
        settled = self.state.settled
        left = settled is not None and now == (bytes.fromhex(settled[0]), bytes.fromhex(settled[1]))
        return "settled" if left else "changed"

    # -- savepoints ---------------------------------------------------------------------------------------------------

    def take(
        self,
        *,
        node_name: str = "",
        reason: str = "savepoint",
        state: Callable[[], bytes | None] = lambda: None,
        full: bool = False,
    ) -> Savepoint:
        """Make a savepoint of the workspace as it is now.

        Args:
            node_name: The step it belongs to.
            reason: Why it is taken.
            state: Gives the encoded agent state, once the files (and so the secrets in them) are known.
            full: Walk everything.

        Raises:
            StoreError: The disk refused; there is no new savepoint.
        """
        with self._consistent(), disk_errors("savepoint"):
            tree = self.scan(full=full)
            return self._write_savepoint(tree, node_name=node_name, reason=reason, state=state())

    def take_if_changed(self, *, reason: str, full: bool = False) -> Savepoint:
        """The current savepoint if nothing changed since it was taken or restored, else a new one."""
        with self._consistent(), disk_errors("savepoint"):
            tree = self.scan(full=full)
            if self.compare(tree) != "changed":
                self.store.discard_pending()
                return self.state.current
            return self._write_savepoint(tree, node_name="", reason=reason, state=None)

    def take_before(self, operation: str, *, full: bool = False) -> Savepoint:
        """A savepoint that is exactly the workspace, to restore from.

        What an earlier restore had to leave behind is saved too, but *aside*: it is no step of the timeline.
        """
        with self._consistent(), disk_errors("savepoint"):
            tree = self.scan(full=full)
            found = self.compare(tree)
            if found == "saved":
                self.store.discard_pending()
                return self.state.current
            aside = found == "settled"
            return self._write_savepoint(tree, node_name="", reason=f"before {operation}", state=None, aside=aside)

    @contextlib.contextmanager
    def _consistent(self) -> Generator[None, None, None]:
        """Forget what was scanned if it could not be stored, so that the next savepoint looks again."""
        try:
            yield
        except BaseException:
            self.store.discard_pending()
            self.writer.forget()
            self.live.drop()
            raise

    def _write_savepoint(
        self, tree: bytes, *, node_name: str, reason: str, state: bytes | None, aside: bool = False
    ) -> Savepoint:
        number = len(self.state.savepoints)
        now = time.time()
        mark, new_commits = self.guard.take()
        changed = sorted(self.scanner.changed)
        unsaved = sorted(self.scanner.extras.unsaved.items())
        manifest: dict[str, Any] = {
            "session": self.state.session_id,
            "number": number,
            "node_name": node_name,
            "reason": reason,
            "time": now,
            "guard": mark.to_json(),
        }
        extras_id = self.writer.extras_id(self.scanner.extras, self._fixed_extras())
        commit, _ = self.writer.write(
            tree, self._parents(), manifest, extras=self.scanner.extras, fixed=self._fixed_extras(), state=state
        )
        payload = encode_objects(self.store.write_pending())
        first = number == 0
        self.record(
            "savepoint",
            {
                "number": number,
                "commit": commit.hex(),
                "node_name": node_name,
                "time": now,
                "reason": reason,
                "changed": [] if first else changed[:_SHOWN_CHANGES],
                "changed_count": 0 if first else len(changed),
                "unsaved": unsaved[:_SHOWN_CHANGES],
                "aside": aside,
            },
            payload,
        )
        self.refs.write_own(self.ref_name(number), commit)
        if not aside:
            self._saved = (tree, extras_id)
        if first:
            keep_user_work(self)
        else:
            pin_commits(self, new_commits)
        return self.state.savepoints[-1]

    def dotenv_values(self) -> dict[str, str]:
        """Names and values of the protected ``.env`` files, so that states do not carry them into git objects."""
        found: dict[str, str] = {}
        for path, (_, escrow_id, size) in self.scanner.extras.protected.items():
            if os.path.basename(path).startswith(".env") and size < _MAX_DOTENV:
                with contextlib.suppress(KeyError):
                    found.update(parse_dotenv(self.escrow.load(escrow_id)))
        return found

    def _parents(self) -> list[bytes]:
        if self.state.savepoints:
            return [bytes.fromhex(self.state.current.commit)]
        tip = self.state.begin.get("tip")
        return [bytes.fromhex(tip)] if tip else []

    def snapshot(self, savepoint: Savepoint) -> Snapshot:
        """The savepoint's content."""
        return Snapshot(self.store, bytes.fromhex(savepoint.commit))

    def placed_tree(self, around: bytes | None) -> bytes:
        """The current savepoint's tree put in its place in the worktree, with ``around`` about it."""
        parts = self.layout.prefix.split("/") if self.layout.prefix else []
        return self._place(around, self.snapshot(self.state.current).tree, parts)

    def _place(self, around: bytes | None, tree: bytes, parts: list[str]) -> bytes:
        if not parts:
            return tree
        entries = decode_tree(self.store.read_blob(around), self.store.id_length) if around is not None else {}
        old = entries.get(parts[0])
        inner = self._place(old[1] if old and old[0] == TREE else None, tree, parts[1:])
        entries[parts[0]] = (TREE, inner)
        return self.store.put_new(b"tree", encode_tree([(os.fsencode(n), m, o) for n, (m, o) in entries.items()]))

    # -- restoring ----------------------------------------------------------------------------------------------------

    def restore(
        self,
        target: Savepoint,
        before: Savepoint,
        *,
        operation: str,
        cursor: int | None = None,
        paths: list[str] | None = None,
    ) -> RestoreOutcome:
        """Bring the workspace to a savepoint.

        Args:
            target: Where to go.
            before: A savepoint just taken of the workspace.
            operation: For the log.
            cursor: The position on the timeline to stand at; None appends one.
            paths: Only these, leaving the timeline alone.

        Raises:
            StoreError: Before any change if something needed is missing; else recovery finishes the work.
        """
        with disk_errors(operation):
            intent = {"op": operation, "from": before.number, "to": target.number, "cursor": cursor, "paths": paths}
            return self._run_restore(before, target, intent)

    def _run_restore(self, before: Savepoint, target: Savepoint, intent: dict[str, Any] | None) -> RestoreOutcome:
        """Plan, journal (unless recovering), change, check, journal the end."""
        source, goal = self.snapshot(before), self.snapshot(target)
        paths = intent["paths"] if intent else (self.state.pending or {}).get("paths")
        plan = make_plan(source, goal, prefix=self.layout.prefix, only=paths)
        restorer = Restorer(self.layout, self.store, self.escrow, self.disk, self.state.session_id)
        restorer.interleave = getattr(self, "interleave", None)
        restorer.check_sources(plan)
        if intent is not None:
            self.record("restore", intent)
        outcome = restorer.apply(plan) if not plan.empty else RestoreOutcome(skipped=list(plan.skipped))
        settled = self._settle(goal, outcome) if paths is None else {}
        self.record("restored", {"written": len(outcome.written), "deleted": len(outcome.deleted), **settled})
        self._saved = None
        return outcome

    def _settle(self, goal: Snapshot, outcome: RestoreOutcome) -> dict[str, str]:
        """Look at the workspace again: what it is now counts as the target, unless somebody else changed it."""
        for path, _ in outcome.skipped:
            self.scanner.forget(path.rstrip("/"))
        tree = self.scan()
        self.store.write_pending()
        extras_id = self.writer.extras_id(self.scanner.extras, self._fixed_extras())
        if (tree, extras_id) == (goal.tree, goal.extras_id):
            return {}
        if not outcome.skipped and not outcome.escrowed:
            outcome.skipped.append((".", "something changed while restoring; undo() or the next savepoint has it"))
            return {}
        return {"tree": tree.hex(), "extras": extras_id.hex()}

    def finish_restore(self) -> RestoreOutcome | None:
        """Finish a restore that a crash interrupted; None if there is none."""
        pending = self.state.pending
        if pending is None:
            return None
        with disk_errors("recover"):
            source: int = pending["from"]
            target: int = pending["to"]
            return self._run_restore(self.state.savepoints[source], self.state.savepoints[target], None)

    def replay_objects(self) -> int:
        """After a crash: write again every object of the log whose file is missing or damaged, and every ref."""
        repaired = 0
        with disk_errors("recover"):
            for record in self.log.records:
                if record.kind != "savepoint":
                    continue
                for entry in decode_objects(self.log.payload(record), self.store.id_length):
                    if not self.store.verify_loose(entry.object_id):
                        self.store.write_loose(entry, sync=False, replace=True)
                        repaired += 1
            known = {self.ref_name(s.number): bytes.fromhex(s.commit) for s in self.state.savepoints}
            known.update({self.ref_name(f"pins/{name}"): bytes.fromhex(name) for name in self.state.pinned})
            repaired += self.refs.repair_own(self.ref_name(""), known)
        return repaired

    def close(self) -> None:
        """Close files and watches; the session stays as it is."""
        self.live.drop()
        self.store.close()
        self.log.close()
