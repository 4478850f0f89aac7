"""The keeper that a hook starts by itself: takes up or begins a session, and lets go of it when nobody asks any more.

Started as ``python -m vcr_acid.cli.hook_daemon DIRECTORY`` with a pipe as stderr, where it says ``ready`` or what is
wrong, and which it then closes.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from types import FrameType

from vcr_acid.cli.keeper import Keeper
from vcr_acid.cli.places import NoOpenSessionError, default_workspace, find_place
from vcr_acid.transaction.workspace import ACIDWorkspace
from vcr_core.errors import VcrError

_IDLE_SECONDS = 1800.0
_LOOK_SECONDS = 0.5


def open_workspace(directory: str) -> ACIDWorkspace:
    """The open session of a directory, or a new one.

    Raises:
        AcidError: It is held by another process, or the directory cannot be a workspace.
    """
    try:
        place = find_place(directory, to_work_in=True)
    except NoOpenSessionError:
        acid = ACIDWorkspace(default_workspace(directory))
        acid.begin(time.strftime("agent-%m%d-%H%M%S"), message="Work of a coding agent")
        return acid
    acid = ACIDWorkspace(place.origin)
    acid.attach(place.session_id)
    return acid


def _say(text: str) -> None:
    """Answer the client that waits for us, and let it go on."""
    os.write(2, text.encode())
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 2)
    os.close(nothing)


def _leave(_signal: int, _frame: FrameType | None) -> None:
    raise SystemExit(0)


def serve(directory: str) -> int:
    """Serve until the session ends or nobody has asked for half an hour (``VCR_ACID_IDLE`` seconds)."""
    idle = float(os.environ.get("VCR_ACID_IDLE") or _IDLE_SECONDS)
    signal.signal(signal.SIGTERM, _leave)
    try:
        acid = open_workspace(directory)
        keeper = Keeper(acid)
        keeper.start()
    except (VcrError, OSError) as error:
        _say(f"{error}\n")
        return 1
    _say("ready\n")
    try:
        while not keeper.ended and time.monotonic() - keeper.last_request < idle:
            keeper.wait(_LOOK_SECONDS)
    finally:
        keeper.stop()
        acid.detach()
    return 0


if __name__ == "__main__":
    sys.exit(serve(sys.argv[1]))
