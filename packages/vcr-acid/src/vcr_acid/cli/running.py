"""``vcr run``: a program in a transaction, from the first savepoint to the question what shall become of its work."""

from __future__ import annotations

import argparse
import os
import re
import sys
import time
from dataclasses import dataclass
from typing import Any

from vcr_acid.cli import ending, wording
from vcr_acid.cli.autosaving import Autosaver
from vcr_acid.cli.child_process import ProgramError, check_program, run_program
from vcr_acid.cli.keeper import Keeper
from vcr_acid.cli.places import default_workspace, find_place
from vcr_acid.errors import AcidError, SessionOpenError
from vcr_acid.transaction import catalog
from vcr_acid.transaction.workspace import ACIDWorkspace
from vcr_core.cli.screen import duration, paint, safe
from vcr_core.errors import UsageError, VcrError

FAILED = 125
#: Set for the program: the workspaces of the runs around it, and the session.
_INSIDE = "VCR_RUN_WORKSPACES"
_SESSION = "VCR_RUN_SESSION"


class NestedRunError(AcidError):
    """``vcr run`` inside of ``vcr run`` over the same files.

    Attributes:
        workspace: The workspace of the run around this one.
    """

    def __init__(self, workspace: str) -> None:
        self.workspace = workspace
        super().__init__(
            f"this already runs inside `vcr run` over {workspace}: two sessions would mix "
            "their changes. Start the program without `vcr run`; `vcr savepoint` and `vcr undo` work here."
        )


class OpenSessionHereError(AcidError):
    """A new run where an earlier session is not finished.

    Attributes:
        session_id: The open session.
    """

    def __init__(self, session_id: str, workspace: str) -> None:
        self.session_id = session_id
        super().__init__(
            f"session {session_id} is still open in {workspace}. Go on in it with `vcr run --continue -- …`, end it "
            "with `vcr commit` or `vcr abort`, or work beside it with `vcr run --worktree -- …`."
        )


@dataclass(frozen=True)
class Run:
    """What was asked for."""

    command: list[str]
    workspace: str
    start: str
    name: str
    worktree: bool
    go_on: bool
    on_exit: str


def run(args: argparse.Namespace) -> int:
    """``vcr run -- COMMAND…``; returns the program's status."""
    command = list(args.command[1:] if args.command[:1] == ["--"] else args.command)
    if not command:
        raise UsageError("which program? `vcr run -- COMMAND…`, for example `vcr run -- bash`")
    try:
        return _run(_understand(args, command))
    except ProgramError as error:
        _say(f"vcr: {error}")
        return error.status
    except (VcrError, OSError) as error:
        _say(f"vcr: {error}")
        return FAILED


def _understand(args: argparse.Namespace, command: list[str]) -> Run:
    start = os.path.realpath(args.workspace or os.getcwd())
    workspace = start if args.workspace else default_workspace(start)
    if args.go_on:
        workspace = find_place(start, args.name, to_work_in=True).workspace
    on_exit = args.on_exit or ("ask" if sys.stdin.isatty() and sys.stderr.isatty() else "keep")
    return Run(command, workspace, start, args.name or _name(command[0]), args.worktree, args.go_on, on_exit)


def _name(program: str) -> str:
    word = re.sub(r"[^A-Za-z0-9_-]+", "-", os.path.basename(program)).strip("-_")[:40]
    return f"{word or 'run'}-{time.strftime('%m%d-%H%M%S')}"


def _refuse_nested(workspace: str) -> None:
    for around in filter(None, os.environ.get(_INSIDE, "").split(os.pathsep)):
        shorter, longer = sorted((around.rstrip(os.sep) + os.sep, workspace.rstrip(os.sep) + os.sep), key=len)
        if longer.startswith(shorter):
            raise NestedRunError(around)


def _open(run: Run) -> ACIDWorkspace:
    _refuse_nested(run.workspace)
    check_program(run.command[0], run.start)
    if run.go_on:
        place = find_place(run.workspace, to_work_in=True)
        acid = ACIDWorkspace(place.origin)
        acid.attach(place.session_id)
        acid.autosave(reason=f"before {os.path.basename(run.command[0])}")
        return acid
    acid = ACIDWorkspace(run.workspace, isolation="worktree" if run.worktree else "branch")
    try:
        acid.begin(run.name, message=f"vcr run: {run.command[0]}")
    except SessionOpenError as error:
        raise OpenSessionHereError(error.session_id, error.path) from error
    for state in catalog.open_sessions(acid.origin):
        if state.status != "open" and state.unfinished:
            _say(f"vcr: {wording.waiting_effects(state.session_id, state.unfinished_effects)}")
    return acid


def _run(run: Run) -> int:
    acid = _open(run)
    try:
        began, first = time.monotonic(), acid.savepoints()[-1].number
        _announce(acid, run)
        status, failures = _work(acid, run)
        took = 1000 * (time.monotonic() - began)
        for failure in failures:
            _say(f"vcr: warning: a savepoint on the way failed: {failure}")
        return ending.end(acid, run.on_exit, status=status, took=duration(took), first=first)
    finally:
        if acid.session_id is not None:
            acid.detach()


def _work(acid: ACIDWorkspace, run: Run) -> tuple[int, list[str]]:
    """The program's life, with a keeper and savepoints beside it."""
    keeper = Keeper(acid, busy_with=run.command[0])
    saver = Autosaver(acid)
    keeper.start()
    try:
        saver.start()
        try:
            status = run_program(run.command, directory=_directory(acid, run), environment=_environment(acid))
        except ProgramError:
            saver.stop()
            if not run.go_on:
                acid.abort()
            raise
        finally:
            saver.stop()
        if acid.session_id is not None:
            acid.autosave(reason=f"end of {os.path.basename(run.command[0])}")
    finally:
        keeper.stop()
    return status, saver.failures


def _directory(acid: ACIDWorkspace, run: Run) -> str:
    """Where the program starts: here, or in a worktree at the same place."""
    if not run.worktree:
        return run.start
    inside = os.path.join(acid.path, os.path.relpath(run.start, run.workspace))
    return os.path.normpath(inside) if os.path.isdir(inside) else acid.path


def _environment(acid: ACIDWorkspace) -> dict[str, str]:
    around = os.environ.get(_INSIDE)
    places = [
        *filter(None, [around]),
        acid.origin.workspace,
        *([acid.path] if acid.path != acid.origin.workspace else []),
    ]
    return {**os.environ, _INSIDE: os.pathsep.join(places), _SESSION: acid.session_id or ""}


def _announce(acid: ACIDWorkspace, run: Run) -> None:
    if not sys.stderr.isatty():
        return
    where = f" in {acid.path}" if run.worktree else ""
    text = f"vcr: session {acid.session_id}{where}; in another terminal: vcr log, vcr undo, vcr savepoint"
    _say(paint(safe(text), "dim", color=wording.colored(sys.stderr)))


def _say(text: Any) -> None:
    print(text, file=sys.stderr)
