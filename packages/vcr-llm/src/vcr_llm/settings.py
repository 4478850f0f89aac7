"""What capturing is told: which hosts to leave alone, what else to leave out of a comparison, what things cost."""

from __future__ import annotations

import fnmatch
import threading
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vcr_llm.prices import PriceTable

Normalize = Callable[[dict[str, Any]], dict[str, Any]]

TELEMETRY_HOSTS = (
    "169.254.169.254",
    "api.smith.langchain.com",
    "*.langfuse.com",
    "*.ingest.sentry.io",
    "*.posthog.com",
    "telemetry.crewai.com",
)
"""Never recorded: they are called from the background, at times that no replay can reproduce."""


@dataclass(frozen=True)
class Settings:
    """How calls are captured.

    Attributes:
        ignore_hosts: Hosts whose calls are neither recorded nor served; ``*`` stands for any text.
        normalize: Given the canonical input of a request, returns what is recorded and compared instead.
        prices: What tokens cost; None asks `genai-prices` where that is installed.
        allow: Hosts that may be connected to while a run is replayed.
    """

    ignore_hosts: tuple[str, ...] = TELEMETRY_HOSTS
    normalize: Normalize | None = None
    prices: PriceTable | None = None
    allow: tuple[str, ...] = ()


class _Active:
    """The settings in force: of the process, and how many ask for them."""

    def __init__(self) -> None:
        self.default = Settings()
        self.users = 0
        self.lock = threading.Lock()


_active = _Active()
_local: ContextVar[Settings | None] = ContextVar("vcr_llm_settings", default=None)
_suppressed: ContextVar[bool] = ContextVar("vcr_llm_suppressed", default=False)


def current_settings() -> Settings:
    """Return the settings of the calling code."""
    return _local.get() or _active.default


def is_active() -> bool:
    """True while something captures in this process, and the calling code has not suppressed it."""
    return _active.users > 0 and not _suppressed.get()


def use(settings: Settings | None = None) -> None:
    """Capture from now on in the whole process."""
    with _active.lock:
        _active.users += 1
        if settings is not None:
            _active.default = settings


def disuse() -> None:
    """Undo one `use`."""
    with _active.lock:
        _active.users = max(0, _active.users - 1)


@contextmanager
def suppress() -> Generator[None]:
    """Leave the calls of the block alone: for frameworks that record their model calls themselves."""
    token = _suppressed.set(True)
    try:
        yield
    finally:
        _suppressed.reset(token)


@contextmanager
def local_settings(settings: Settings) -> Generator[None]:
    """Use these settings for the code of the block and what it spawns."""
    token = _local.set(settings)
    use()
    try:
        yield
    finally:
        disuse()
        _local.reset(token)


def make_settings(
    *,
    ignore_hosts: Iterable[str] = (),
    normalize: Normalize | None = None,
    prices: PriceTable | None = None,
    allow: Iterable[str] = (),
) -> Settings:
    """Return settings with more hosts to ignore than the usual ones."""
    return Settings((*TELEMETRY_HOSTS, *ignore_hosts), normalize, prices, tuple(allow))


def is_ignored(host: str) -> bool:
    """True if calls to that host are neither recorded nor served."""
    return matches(host, current_settings().ignore_hosts)


def matches(host: str, patterns: Iterable[str]) -> bool:
    """True if a host is one of `patterns`."""
    return any(fnmatch.fnmatchcase(host.lower(), pattern) for pattern in patterns)
