"""Options that many subcommands share, and how words of a command line become sessions and frames."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from vcr_core.errors import UsageError, VcrError

if TYPE_CHECKING:
    from vcr_core.player import VCRPlayer
    from vcr_core.store import SessionSummary

SESSION_HELP = "a recording: its id, the unique beginning of one, or a path to a .vcr file"


class SessionArgumentError(VcrError):
    """A word that does not lead to one recording.

    Attributes:
        word: What was given.
    """

    def __init__(self, word: str, message: str) -> None:
        self.word = word
        super().__init__(message)


class FrameArgumentError(UsageError):
    """A word that names no frame of a recording.

    Attributes:
        word: What was given.
    """

    def __init__(self, word: str, message: str) -> None:
        self.word = word
        super().__init__(message)


def add_dir(parser: argparse.ArgumentParser) -> None:
    """Add ``--dir``; without it the one before the subcommand counts."""
    parser.add_argument(
        "--dir", default=argparse.SUPPRESS, help="the directory of the recordings (default: $VCR_DIR, else .vcr)"
    )


def add_json(parser: argparse.ArgumentParser) -> None:
    """Add ``--json``."""
    parser.add_argument("--json", action="store_true", help="print JSON, as described below")


def find_session(word: str, directory: str) -> Path:
    """Return the file that a person means by a path, a session id or the unique beginning of one.

    Raises:
        SessionArgumentError: If there is none, or more than one; the message lists what there is.
    """
    from vcr_core.session_ids import SUFFIX, SessionIdError  # noqa: PLC0415  # the help needs none of it
    from vcr_core.store import SessionNotFoundError, Store  # noqa: PLC0415

    path = Path(word)
    if path.suffix == SUFFIX or len(path.parts) > 1 or word in (".", ".."):
        return _existing(word, path)
    store = Store(directory)
    try:
        return store.path(word)
    except (SessionNotFoundError, SessionIdError) as error:
        if path.exists():
            return _existing(word, path)
        names = store.names()
        matching = [name for name in names if name.startswith(word)]
        if len(matching) == 1:
            return store.path(matching[0])
        if matching:
            message = f"{word!r} is the beginning of {len(matching)} recordings: {_some(matching)}. Give more of it."
            raise SessionArgumentError(word, message) from error
        if isinstance(error, SessionIdError):
            raise
        raise SessionArgumentError(
            word, f"there is no recording {word!r} in {directory}. {_what_is_there(names)}"
        ) from error


def _existing(word: str, path: Path) -> Path:
    if path.is_dir():
        message = f"{word} is a directory, and a recording is wanted. `vcr ls {word}` lists those in it."
        raise SessionArgumentError(word, message)
    if not path.exists():
        from vcr_core.store import Store  # noqa: PLC0415

        message = f"there is no file {word}. {_what_is_there(Store(path.parent).names(), path.parent)}"
        raise SessionArgumentError(word, message)
    return path


def _what_is_there(names: list[str], directory: Path | None = None) -> str:
    if names:
        return f"There are: {_some(names)}."
    if directory is not None and not directory.is_dir():
        return f"There is no directory {directory} either."
    return "There is no recording there at all: name another directory with --dir, or make a recording with `vcr demo`."


def _some(names: list[str], limit: int = 8) -> str:
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return ", ".join(names[:limit]) + more


def find_summaries(words: list[str], directory: str) -> list[SessionSummary]:
    """Return the recordings that are named, or all of the directory, newest first."""
    from vcr_core.store import Store, summarize_file  # noqa: PLC0415

    if not words:
        return Store(require_directory(directory)).sessions()
    return [summarize_file(find_session(word, directory)) for word in words]


def require_directory(directory: str) -> str:
    """Return `directory` if it is one.

    Raises:
        SessionArgumentError: If it is not there, or is something else.
    """
    path = Path(directory)
    if path.is_dir():
        return directory
    if path.exists():
        message = f"{directory} is not a directory. `vcr show {directory}` shows a single recording."
        raise SessionArgumentError(directory, message)
    message = (
        f"there is no directory {directory}. Name that of your recordings with --dir or VCR_DIR; `vcr demo` makes one."
    )
    raise SessionArgumentError(directory, message)


def newest_session(directory: str) -> Path:
    """Return the file of the newest recording.

    Raises:
        SessionArgumentError: If there is none.
    """
    found = find_summaries([], directory)
    if not found:
        raise SessionArgumentError(directory, f"there is no recording in {directory}. {_what_is_there([])}")
    return found[0].path


def open_session(word: str | None, directory: str) -> VCRPlayer:
    """Open the recording that a person names; the newest one without a word."""
    from vcr_core.player import VCRPlayer  # noqa: PLC0415

    path = newest_session(directory) if word is None else find_session(word, directory)
    check_recording(path)
    return VCRPlayer.load(path)


def check_recording(path: Path) -> None:
    """Look at the first line of a file.

    Raises:
        FormatError: If it is no recording.
    """
    from vcr_core.store import summarize_file  # noqa: PLC0415
    from vcr_core.wire_format import FormatError  # noqa: PLC0415

    problem = summarize_file(path).problem
    if problem is not None:
        hint = "It is no recording, or its first line is damaged; `vcr import` makes recordings of message lists"
        raise FormatError(f"{problem.removeprefix('recording: ')}. {hint}.", path=path)


def find_frame(player: VCRPlayer, word: str) -> int:
    """Return the frame that a person means: a number, one from the end (``-1``), or the label of a checkpoint.

    Raises:
        FrameArgumentError: If there is no such frame.
    """
    frames = len(player)
    if not frames:
        raise FrameArgumentError(word, f"{player.path} has no frames yet")
    try:
        index = int(word)
    except ValueError:
        labels = [str(row.label) for row in player.rows if row.kind == "checkpoint"]
        if word in labels:
            return player.find_checkpoint(word)
        known = f"its checkpoints are: {_some(labels)}" if labels else "it has no checkpoints"
        message = f"{word!r} is neither a frame number nor a checkpoint of {player.path}; {known}."
        raise FrameArgumentError(word, message) from None
    if not -frames <= index < frames:
        message = (
            f"{player.path} has no frame {index}: its frames are 0 to {frames - 1}, or -1 (the last) to -{frames}."
        )
        raise FrameArgumentError(word, message)
    return index + frames if index < 0 else index


def is_frame_number(word: str) -> bool:
    """Tell whether a word is a frame number."""
    return word.removeprefix("-").isdigit()
