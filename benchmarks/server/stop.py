"""Print how the server ends with 20 WebSockets and a sleeping download: ``python stop.py PYTHON…``.

Each interpreter needs vcr-server installed; the running one needs `websockets`.
"""

from __future__ import annotations

import contextlib
import socket
import sys
import tempfile
import time
from pathlib import Path

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from vcr_server.testing import TOKEN, RunningServer, record_large, record_runs


def close_code(connection: object) -> object:
    """Read on until the connection is closed; return why."""
    try:
        while True:
            connection.recv(timeout=2)  # type: ignore[attr-defined]
    except ConnectionClosed as error:
        return error.rcvd.code if error.rcvd else None


def main(interpreters: list[str]) -> None:
    """Measure and print."""
    for python in interpreters:
        with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
            directory = Path(folder) / "vcr"
            record_runs(directory)
            record_large(directory)
            server = RunningServer(directory, python=python)
            url = server.url.replace("http", "ws") + "/api/live"
            headers = {"authorization": f"Bearer {TOKEN}"}
            sockets = [stack.enter_context(connect(url, additional_headers=headers, proxy=None)) for _ in range(20)]
            sleeper = stack.enter_context(socket.create_connection(("127.0.0.1", server.port)))
            sleeper.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            request = f"GET /api/sessions/large/export?format=vcr HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n"
            sleeper.sendall(f"{request}Authorization: Bearer {TOKEN}\r\n\r\n".encode())
            time.sleep(0.5)
            begun = time.perf_counter()
            status = server.stop()
            took = time.perf_counter() - begun
            codes = {close_code(each) for each in sockets}
            print(f"{python}: {took:.2f} s, status {status}, codes {codes}, on stderr {server.read_errors()!r}")
            server.close()


if __name__ == "__main__":
    main(sys.argv[1:] or [sys.executable])
