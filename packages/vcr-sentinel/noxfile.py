"""Sessions too heavy for CI: OpenHands itself, both versions. `nox -f packages/vcr-sentinel/noxfile.py`."""

from __future__ import annotations

import nox

nox.options.default_venv_backend = "uv|virtualenv"
TESTS = ("pytest", "--import-mode=importlib", "-c", "/dev/null", "--rootdir", ".", "-q")


def install_siblings(session: nox.Session) -> None:
    """Core and Sentinel from their folders, never by name."""
    session.install("-e", "../vcr-core", "-e", ".", "pytest")


@nox.session(python=["3.12", "3.13"])
def openhands_v0(session: nox.Session) -> None:
    """The event stream of `openhands-ai` 0.x."""
    session.install("openhands-ai<1")
    install_siblings(session)
    session.run(*TESTS, "tests/test_sentinel_openhands_v0.py")


@nox.session(python=["3.12", "3.13"])
def openhands_v1(session: nox.Session) -> None:
    """The SDK, with its own scripted model."""
    session.install("openhands-sdk>=1", "openhands-tools>=1")
    install_siblings(session)
    session.run(*TESTS, "tests/test_sentinel_openhands_v1.py")
