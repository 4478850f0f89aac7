"""The agents that may be run: those named on the command line, and no others."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterable
from typing import Any

from vcr_server.errors import ServerSetupError

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_TARGET = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*")


def parse_agents(options: Iterable[str]) -> dict[str, str]:
    """Return the agents of ``name=module:function`` options by name.

    Raises:
        ServerSetupError: If an option has another form, or a name comes twice.
    """
    agents: dict[str, str] = {}
    for option in options:
        name, _, target = option.partition("=")
        if not _NAME.fullmatch(name) or not _TARGET.fullmatch(target):
            raise ServerSetupError(
                f"--agent {option}: expected name=module:function, such as coder=my_agents:run_coder"
            )
        if name in agents:
            raise ServerSetupError(f"--agent {option}: there is an agent {name} already")
        agents[name] = target
    return agents


def load_agent(target: str) -> Any:
    """Import ``module:function`` and return what it names.

    Raises:
        ServerSetupError: If there is no such module or name.
    """
    module, _, path = target.partition(":")
    try:
        found: Any = importlib.import_module(module)
        for name in path.split("."):
            found = getattr(found, name)
    except (ImportError, AttributeError) as error:
        raise ServerSetupError(f"the agent {target} cannot be imported: {error}") from error
    return found
