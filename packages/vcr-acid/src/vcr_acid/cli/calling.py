"""How a command reaches the session it means: through its keeper if one runs, else by opening it for a moment."""

from __future__ import annotations

import os
import time

from vcr_acid.cli.keeper import ask_keeper
from vcr_acid.cli.operations import OPERATIONS, Values
from vcr_acid.cli.places import Place, find_place
from vcr_acid.errors import WorkspaceBusy
from vcr_acid.transaction.workspace import ACIDWorkspace

_PATIENCE_SECONDS = 5.0


def call_session(start: str, session_id: str | None, name: str, values: Values) -> Values:
    """Do one operation in the open session of a directory.

    Raises:
        NoOpenSessionError: There is none.
        AcidError: It could not be done; nothing was changed unless the message says so.
    """
    place = find_place(start, session_id)
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        answer = ask_keeper(place.workspace, name, values)
        if answer is not None:
            return answer
        try:
            return _open_briefly(place, name, values)
        except WorkspaceBusy:  # another command, or a keeper that is just starting or ending
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def _open_briefly(place: Place, name: str, values: Values) -> Values:
    acid = ACIDWorkspace(place.origin, watch=False)
    acid.attach(place.session_id)
    try:
        return OPERATIONS[name](acid, values)
    finally:
        if acid.session_id is not None:
            acid.detach()


def start_directory(chosen: str | None) -> str:
    """Where a command looks for its session: the directory after ``-C``, else here."""
    return os.path.realpath(chosen or os.getcwd())
