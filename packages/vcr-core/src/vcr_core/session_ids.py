"""Session ids are names, never paths; a reused id begins a new take of the same name.

A session id becomes a file name, so it is checked before the disk is touched.  The second take of ``my_run`` lives in
``my_run~2.vcr``; ``~`` cannot occur in an id, so an id and a take are never confused.
"""

from __future__ import annotations

import re
import secrets
import time

from vcr_core.errors import VcrError

SUFFIX = ".vcr"
MAX_LENGTH = 120

_NAME = re.compile(r"[^\W_][\w.+@=-]*", re.UNICODE)
_TAKE = re.compile(r"(?P<id>.+?)(?:~(?P<take>[1-9][0-9]{0,8}))?")
_RESERVED = frozenset(
    {"con", "prn", "aux", "nul", *(f"com{n}" for n in range(1, 10)), *(f"lpt{n}" for n in range(1, 10))}
)


class SessionIdError(VcrError):
    """A session id that is not a plain name.

    Attributes:
        session_id: The refused id.
        reason: Why it was refused.
    """

    def __init__(self, session_id: object, reason: str) -> None:
        self.session_id = session_id
        self.reason = reason
        super().__init__(
            f"session id {session_id!r} is refused: {reason}. An id is a name of letters, digits and . _ + @ = - that "
            f"begins with a letter, a digit or _, at most {MAX_LENGTH} characters; output_dir chooses the directory."
        )


def check_session_id(session_id: str) -> str:
    """Return `session_id` unchanged if it is a plain name.

    Raises:
        SessionIdError: For anything that could be a path, a device name or an unreadable file name.
    """
    if not isinstance(session_id, str):  # pyright: ignore[reportUnnecessaryIsInstance]  # callers are untyped too
        raise SessionIdError(session_id, "it is not a string")
    if not session_id:
        raise SessionIdError(session_id, "it is empty")
    if len(session_id) > MAX_LENGTH or len(session_id.encode("utf-8", "surrogatepass")) > 2 * MAX_LENGTH:
        raise SessionIdError(session_id, f"it is longer than {MAX_LENGTH} characters")
    if not (_NAME.fullmatch(session_id) or _NAME.fullmatch(session_id.lstrip("_") or ".")):
        raise SessionIdError(session_id, "it holds a character that does not belong in a name")
    if session_id.endswith("."):
        raise SessionIdError(session_id, "it ends in a dot")
    if session_id.partition(".")[0].lower() in _RESERVED:
        raise SessionIdError(session_id, "it is the name of a device on some systems")
    return session_id


def new_session_id() -> str:
    """Return a fresh id that sorts by time: ``run-20260131-235959-1a2b3c``."""
    return f"run-{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}-{secrets.token_hex(3)}"


def file_name(session_id: str, *, take: int = 1) -> str:
    """Return the file name of a take, ``my_run.vcr`` or ``my_run~3.vcr``."""
    return f"{session_id}{SUFFIX}" if take == 1 else f"{session_id}~{take}{SUFFIX}"


def split_take(stem: str) -> tuple[str, int]:
    """Split a file stem (or a ``name~2`` given by a person) into session id and take number.

    Raises:
        SessionIdError: If the name part is not a session id.
    """
    match = _TAKE.fullmatch(stem)
    if match is None:
        raise SessionIdError(stem, "it is empty")
    return check_session_id(match["id"]), int(match["take"] or 1)
