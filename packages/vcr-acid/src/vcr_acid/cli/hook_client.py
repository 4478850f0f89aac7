"""What a coding agent's hook runs: hands the event to the keeper of the workspace, starting one if there is none.

Runs as a plain file under ``python -I -S``, so it imports built-in modules only and never ``vcr_acid``: its start is
the agent's waiting time before and after every tool call. It always exits with 0; what goes wrong becomes a message to
the person, never a blocked agent.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

#: Unix socket paths end at about 104 bytes, so the sockets have a short directory of their own.
_PLACE = "/tmp"  # noqa: S108  # the directory below it is checked to be ours alone
_ANSWER_SECONDS = 15.0
_START_SECONDS = 60.0


def socket_directory() -> str:
    """Where keepers listen; the same for every terminal of a user."""
    return os.environ.get("VCR_ACID_RUNTIME") or f"{_PLACE}/vcr-acid-{os.getuid()}"


def socket_path(workspace: str) -> str:
    """The socket of the keeper of one workspace (a real path)."""
    try:
        from _blake2 import blake2b  # hashlib costs a tenth of our time
    except ImportError:
        from hashlib import blake2b
    return f"{socket_directory()}/{blake2b(os.fsencode(workspace), digest_size=12).hexdigest()}"


def directory_is_ours(directory: str) -> bool:
    """Whether nobody else could have put a socket there."""
    try:
        found = os.lstat(directory)
    except OSError:
        return False
    return found.st_uid == os.getuid() and found.st_mode & 0o170022 == 0o040000


def ancestors(path: str) -> Iterator[str]:
    """A directory and those above it."""
    while True:
        yield path
        above = os.path.dirname(path)
        if above == path:
            return
        path = above


def ask(path: str, request: bytes, seconds: float) -> bytes | None:
    """Send one request to a keeper; None if nobody listens there.

    Raises:
        OSError: It listens, but did not answer in time.
    """
    import _socket

    channel = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    try:
        channel.settimeout(seconds)
        try:
            channel.connect(path)
            channel.sendall(request)
            channel.shutdown(_socket.SHUT_WR)
            parts: list[bytes] = []
            while part := channel.recv(1 << 16):
                parts.append(part)
        except (FileNotFoundError, ConnectionRefusedError, ConnectionResetError, BrokenPipeError):
            return None  # gone, or about to go
        return b"".join(parts) or None
    finally:
        channel.close()


def ask_around(directory: str, request: bytes) -> bytes | None:
    """Ask the keeper of a directory, or of the nearest one above it; None if there is none."""
    if not directory_is_ours(socket_directory()):
        return None
    for place in ancestors(directory):
        path = socket_path(place)
        if os.path.exists(path):
            answer = ask(path, request, _ANSWER_SECONDS)
            if answer is not None:
                return answer
    return None


def start_keeper(directory: str) -> None:
    """Start a keeper in the background and wait until it has begun or taken up a session.

    Raises:
        OSError: It could not; the message is the keeper's.
    """
    reading, writing = os.pipe()
    if os.fork() == 0:
        try:
            os.setsid()
            nothing = os.open(os.devnull, os.O_RDWR)
            os.dup2(nothing, 0)
            os.dup2(nothing, 1)
            os.dup2(writing, 2)
            os.chdir("/")
            os.execv(sys.executable, [sys.executable, "-m", "vcr_acid.cli.hook_daemon", directory])  # noqa: S606  # no shell
        finally:
            os._exit(127)
    os.close(writing)
    import select

    said = b""
    while select.select([reading], [], [], _START_SECONDS)[0]:
        part = os.read(reading, 4096)
        if not part:
            break
        said += part
    else:
        raise OSError(f"the keeper did not start within {_START_SECONDS:.0f} seconds")
    os.close(reading)
    if not said.endswith(b"ready\n"):
        raise OSError(said.decode("utf-8", "replace").strip() or "the keeper did not start")


def deliver(directory: str, event: bytes) -> bytes:
    """Hand an event over; returns what the agent shall read.

    Raises:
        OSError: No keeper answered, and none could be started.
    """
    request = b"hook\n" + event
    answer = ask_around(directory, request)
    if answer is not None:
        return answer
    import fcntl

    os.makedirs(socket_directory(), mode=0o700, exist_ok=True)
    turn = os.open(socket_path(directory) + ".start", os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(turn, fcntl.LOCK_EX)  # agents call tools in parallel: one of their hooks starts the keeper
        answer = ask_around(directory, request)
        if answer is None:
            start_keeper(directory)
            answer = ask_around(directory, request)
    finally:
        os.close(turn)
    if answer is None:
        raise OSError("the keeper went away again")
    return answer


def _read_input() -> bytes:
    parts: list[bytes] = []
    while part := os.read(0, 1 << 16):
        parts.append(part)
    return b"".join(parts)


def main() -> int:
    """Serve one hook; always 0."""
    try:
        directory = os.path.realpath(os.environ.get("CLAUDE_PROJECT_DIR") or os.getcwd())
        answer = deliver(directory, _read_input())
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001  # whatever it is, the agent must go on
        import json

        answer = json.dumps({"systemMessage": f"vcr: no savepoint was taken: {error}"}).encode()
    try:
        os.write(1, answer)
    except OSError:
        return 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
