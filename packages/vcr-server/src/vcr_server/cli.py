"""The command line: ``vcr-server DIRECTORY`` and, through the entry point, ``vcr serve DIRECTORY``."""

from __future__ import annotations

import argparse
import asyncio
import ipaddress
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from vcr_core.errors import VcrError
from vcr_server.command_summaries import SUMMARIES
from vcr_server.errors import ServerSetupError

HTTP_PORT = 80
TOKEN_VARIABLE = "VCR_SERVER_TOKEN"  # noqa: S105 - the name of a variable
DESCRIPTION = """Serve the recordings of a directory in the browser: every run, every fork and every error, live.

The login URL that is printed works once and then lives as a cookie until the server ends. Programs send the token of
$VCR_SERVER_TOKEN as `Authorization: Bearer TOKEN`."""
EPILOG = """examples:
  vcr-server .vcr                                       look at the recordings of this project
  vcr-server .vcr --agent coder=my_agents:run_coder     and run them again from the browser

exit status: 0 after SIGINT or SIGTERM, 1 if the server cannot start, 2 for a wrong command line"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the server to a parser."""
    parser.add_argument(
        "directory", nargs="?", metavar="DIR", help="directory of the recordings (default: $VCR_DIR, else .vcr)"
    )
    parser.add_argument(
        "--host", default="127.0.0.1", help="address to listen on (default: 127.0.0.1, this machine only)"
    )
    parser.add_argument("--port", type=int, default=8765, help="port; 0 takes a free one (default: 8765)")
    parser.add_argument(
        "--agent",
        action="append",
        default=[],
        metavar="NAME=MODULE:FUNCTION",
        help="an agent that may be run from the browser; may be given more than once",
    )
    parser.add_argument(
        "--allow-host",
        action="append",
        default=[],
        metavar="HOST[:PORT]",
        help="another Host header to answer for, such as that of a proxy (HTTP or HTTPS); may be given more than once",
    )
    parser.add_argument("--json", action="store_true", help="print one line of JSON instead of text when ready")
    parser.set_defaults(run=run)


def register(subparsers: Any) -> None:
    """Add ``vcr serve`` to the command line of vcr-core."""
    parser = subparsers.add_parser(
        "serve",
        help=SUMMARIES["serve"],
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_arguments(parser)


def run(options: argparse.Namespace) -> int:
    """Serve until a signal; return the exit status.

    Raises:
        ServerSetupError: If the server cannot start as it was asked to.
    """
    from vcr_server.agents import parse_agents  # noqa: PLC0415  # --help must not wait for the server's imports

    agents = parse_agents(options.agent)
    directory = Path(options.directory or getattr(options, "dir", None) or os.environ.get("VCR_DIR") or ".vcr")
    if directory.exists() and not directory.is_dir():
        raise ServerSetupError(f"{directory} is not a directory; give the one that holds the recordings")
    if not 0 <= options.port <= 65535:
        raise ServerSetupError(f"--port {options.port}: a port is a number from 0 to 65535")
    token = os.environ.get(TOKEN_VARIABLE, "")
    check_address(options.host, token)
    asyncio.run(_serve(options, directory, agents, token))
    return 0


def check_address(host: str, token: str) -> None:
    """Refuse to listen beyond this machine without a token that the person chose.

    Raises:
        ServerSetupError: If it is refused.
    """
    try:
        local = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        raise ServerSetupError(f"--host {host}: expected an IP address, or localhost") from None
    if not local and not token:
        raise ServerSetupError(
            f"--host {host} can be reached from other machines: set ${TOKEN_VARIABLE} to a secret first"
        )
    if token and (len(token) < 16 or not token.isascii() or not token.isprintable() or " " in token):
        raise ServerSetupError(f"${TOKEN_VARIABLE} must be at least 16 printable ASCII characters without spaces")


async def _serve(options: argparse.Namespace, directory: Path, agents: dict[str, str], token: str) -> None:
    from vcr_server.access import Access  # noqa: PLC0415
    from vcr_server.app import build_app  # noqa: PLC0415
    from vcr_server.service import Service  # noqa: PLC0415
    from vcr_server.serving import open_socket, run_server  # noqa: PLC0415

    host = "127.0.0.1" if options.host == "localhost" else options.host
    try:
        listener = open_socket(host, options.port)
    except OSError as error:
        reason = error.strerror or str(error)
        raise ServerSetupError(f"cannot listen on {host}:{options.port}: {reason}; choose another --port") from error
    port: int = listener.getsockname()[1]
    access = Access(port, token)
    service = Service(directory, access, agents=agents)
    app = build_app(service, host_headers(host, port), proxies=options.allow_host)
    address = f"http://{f'[{host}]' if ':' in host else host}:{port}"
    login = f"{address}/login?code={access.new_code()}"

    def announce() -> None:
        if options.json:
            print(
                json.dumps({"url": address, "login": login, "directory": str(directory), "pid": os.getpid()}),
                flush=True,
            )
        else:
            print(f"Agent VCR shows {directory} at {address}\nOpen once to log in: {login}", flush=True)

    await run_server(app, service.hub, listener, on_ready=announce)


def host_headers(host: str, port: int) -> list[str]:
    """Return the Host headers that are this server; browsers leave out the port of HTTP itself."""
    names = ["127.0.0.1", "localhost", "[::1]"]
    if host not in names and host not in ("0.0.0.0", "::", "::1"):  # noqa: S104 - compared with, not listened on
        names.append(f"[{host}]" if ":" in host else host)
    return [f"{name}:{port}" for name in names] + (names if port == HTTP_PORT else [])


def main(arguments: Sequence[str] | None = None) -> int:
    """Run ``vcr-server``; errors become one paragraph on standard error."""
    parser = argparse.ArgumentParser(
        "vcr-server", description=DESCRIPTION, epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_arguments(parser)
    options = parser.parse_args(arguments)
    try:
        return run(options)
    except VcrError as error:
        print(f"vcr-server: {error}", file=sys.stderr)
        return 1
