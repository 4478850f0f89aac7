"""The `sentinel` command's door: `hook` is answered here by asking the daemon, everything else goes to `cli`.

A coding agent runs `sentinel hook` after every tool call, so this module imports nothing but what the interpreter has
loaded anyway, and does no analysis. What a payload means belongs to `hook_payloads`.
"""

from __future__ import annotations

import os
import sys

VERSION = "1.0.0"
FOLDER = os.path.join(".vcr", "sentinel")  # noqa: PTH118  # pathlib costs 5 ms to import
SOCKET = "daemon.sock"
_START_SECONDS = 20.0
_ANSWER_SECONDS = 60.0


def main() -> int:
    """Entry point of the `sentinel` command."""
    if sys.argv[1:] == ["hook"]:
        return run_hook()
    from vcr_sentinel.cli import main as cli_main  # noqa: PLC0415  # see the module docstring

    return cli_main()


def run_hook() -> int:
    """Answer one hook event. Trouble of our own never stops the agent: it is said on standard error, exit code 0."""
    try:
        return _answer(_read_all(0))
    except Exception as exc:  # noqa: BLE001  # whatever it is, the agent must go on, and a person be told
        sys.stderr.write(f"sentinel: this event was not checked ({type(exc).__name__}: {exc})\n")
        return 0


def _answer(payload: bytes) -> int:
    project = os.environ.get("CLAUDE_PROJECT_DIR")
    try:
        cwd = os.getcwd()  # noqa: PTH109  # as above
    except FileNotFoundError:  # the agent's folder was deleted
        if not project:
            raise
        os.chdir(project)
        cwd = project
    root = find_root(project or cwd)
    try:
        reply = _ask_daemon(root, cwd, payload)
    except OSError as exc:
        reply = None
        if not _no_daemon_here():
            sys.stderr.write(f"sentinel: no daemon ({exc}); checking in this process\n")
    if reply is None:
        from vcr_sentinel.hook_daemon import answer_once  # noqa: PLC0415  # only without a daemon

        reply = answer_once(root, cwd, payload)
    head, _, body = reply.partition(b"\n")
    code, length = (int(item) for item in head.split())
    if body:
        os.write(1, body[:length])
        os.write(2, body[length:])
    return code


def find_root(start: str) -> str:
    """The project a folder belongs to: the nearest one above with `.git`, else with `pyproject.toml`, else itself."""
    marked = ""
    folder = start
    while True:
        if os.path.exists(f"{folder}/.git"):  # noqa: PTH110  # as above
            return folder
        if not marked and os.path.exists(f"{folder}/pyproject.toml"):  # noqa: PTH110  # as above
            marked = folder
        parent = os.path.dirname(folder)  # noqa: PTH120  # as above
        if parent == folder:
            return marked or start
        folder = parent


def _no_daemon_here() -> bool:
    return sys.platform == "win32" or os.environ.get("SENTINEL_NO_DAEMON") == "1"


def _read_all(descriptor: int) -> bytes:
    parts: list[bytes] = []
    while part := os.read(descriptor, 1 << 16):
        parts.append(part)
    return b"".join(parts)


def _ask_daemon(root: str, cwd: str, payload: bytes) -> bytes | None:
    if _no_daemon_here():
        return None
    import time  # noqa: PLC0415  # built in, costs nothing

    folder = os.path.join(root, FOLDER)  # noqa: PTH118  # as above
    os.makedirs(folder, mode=0o700, exist_ok=True)  # noqa: PTH103  # as above
    deadline = time.monotonic() + _START_SECONDS
    daemon = 0
    while True:
        reply = _exchange(folder, cwd, payload)
        if reply is not None and reply != b"restart":
            return reply
        if not daemon:
            daemon = _start(root, folder)
        elif (ended := os.waitpid(daemon, os.WNOHANG))[0]:
            if ended[1]:
                raise OSError(f"it ended at once, {folder}/daemon.log says why")
            daemon = 0  # another one serves the project, or is just going
        if time.monotonic() > deadline:
            raise OSError("it did not start in time")
        time.sleep(0.02)


def _exchange(folder: str, cwd: str, payload: bytes) -> bytes | None:
    # The C module alone: `socket` itself imports `selectors` and `enum`, 4 ms.
    import _socket  # noqa: PLC0415  # as above

    # A path relative to the folder keeps below the 108 bytes a socket address may have.
    os.chdir(folder)
    connection = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    try:
        connection.settimeout(_ANSWER_SECONDS)
        try:
            connection.connect(SOCKET)
        except (FileNotFoundError, ConnectionRefusedError):
            return None
        head = f"{VERSION}\n{cwd}\n".encode("utf-8", "surrogateescape")
        connection.sendall(head + payload)
        connection.shutdown(_socket.SHUT_WR)
        parts: list[bytes] = []
        while part := connection.recv(1 << 16):
            parts.append(part)
        return b"".join(parts) or None
    except (ConnectionResetError, BrokenPipeError):
        return None
    finally:
        os.chdir(cwd)
        connection.close()


def _start(root: str, folder: str) -> int:
    """Start the daemon, which outlives this process: its process id."""
    log = os.open(f"{folder}/daemon.log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    null = os.open(os.devnull, os.O_RDWR)
    actions = [(os.POSIX_SPAWN_DUP2, null, 0), (os.POSIX_SPAWN_DUP2, null, 1), (os.POSIX_SPAWN_DUP2, log, 2)]
    command = [sys.executable, "-m", "vcr_sentinel.hook_daemon", root]
    daemon = os.posix_spawn(sys.executable, command, dict(os.environ), file_actions=actions, setsid=True)
    os.close(log)
    os.close(null)
    return daemon


if __name__ == "__main__":
    sys.exit(main())
