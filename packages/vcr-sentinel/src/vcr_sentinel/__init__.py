"""Sentinel: the guard that watches every file an agent writes.

Public names are loaded when first used, because the hook client imports this package at every tool call and must not
pay for the analysis it hands to the daemon.
"""

from __future__ import annotations

TYPE_CHECKING = False  # `typing` itself costs the hook client 3 ms
if TYPE_CHECKING:
    from vcr_sentinel.config import Config, ConfigError, Limits, load_config
    from vcr_sentinel.errors import SentinelError
    from vcr_sentinel.findings import Finding, Severity, render_for_agent
    from vcr_sentinel.guard import CheckResult, Sentinel
    from vcr_sentinel.rules import RULES, explain
    from vcr_sentinel.source_text import SourceError

__all__ = [
    "RULES",
    "CheckResult",
    "Config",
    "ConfigError",
    "Finding",
    "Limits",
    "Sentinel",
    "SentinelError",
    "Severity",
    "SourceError",
    "explain",
    "load_config",
    "render_for_agent",
]

_HOMES = {
    "CheckResult": "guard",
    "Config": "config",
    "ConfigError": "config",
    "Finding": "findings",
    "Limits": "config",
    "RULES": "rules",
    "Sentinel": "guard",
    "SentinelError": "errors",
    "Severity": "findings",
    "SourceError": "source_text",
    "explain": "rules",
    "load_config": "config",
    "render_for_agent": "findings",
}


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib  # noqa: PLC0415  # see the module docstring

    return getattr(importlib.import_module(f"{__name__}.{home}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
