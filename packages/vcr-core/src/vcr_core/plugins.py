"""Finds what other distributions add: entry points, loaded one by one and only when they are needed.

Groups that the core asks for: ``vcr.commands`` (subcommands of the command line), ``vcr.summaries`` (their lines in its
help: a dict of texts in a module that imports next to nothing), ``vcr.agents`` (objects that know how to be resumed),
``vcr.interceptors`` (what serves calls from below the agent's code), ``vcr.demos`` (acts of ``vcr demo``).
A plugin that cannot be loaded is a warning that names group, name and value; it never stops the host.
What a plugin must offer is said by the host that loads it.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, Protocol

from vcr_core.errors import VcrError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

COMMANDS = "vcr.commands"
SUMMARIES = "vcr.summaries"
AGENTS = "vcr.agents"
INTERCEPTORS = "vcr.interceptors"
DEMOS = "vcr.demos"


class PluginWarning(UserWarning):
    """A plugin was left out because it could not be loaded."""


class PluginError(VcrError):
    """A plugin that cannot be loaded.

    Attributes:
        group: The entry point group.
        name: The name in it.
        value: The ``module:object`` that was to be loaded.
        distribution: The distribution that declares it, "" if that is unknown.
        reason: What went wrong.
    """

    def __init__(self, group: str, name: str, value: str, *, distribution: str, reason: str) -> None:
        self.group = group
        self.name = name
        self.value = value
        self.distribution = distribution
        self.reason = reason
        source = f" of {distribution}" if distribution else ""
        super().__init__(
            f"the plugin {name!r}{source} (group {group}, {value}) cannot be loaded: {reason}. "
            "Everything else works without it; repair or uninstall that distribution."
        )


class Discovered(Protocol):
    """All entry points that were found; what the standard library returns differs from version to version."""

    def select(self, *, group: str) -> Iterable[EntryPoint]:
        """Return those of a group."""
        ...


def discover() -> Discovered:
    """Return all entry points there are, for whoever asks for several groups: each search reads all distributions."""
    from importlib.metadata import entry_points  # noqa: PLC0415  # costs more than most commands do

    return entry_points()


def find_plugins(group: str, among: Discovered | None = None) -> dict[str, EntryPoint]:
    """Return the entry points of a group by name, sorted; nothing is loaded.

    Where two distributions use one name, the first one found is kept.

    Args:
        group: The group.
        among: What `discover` returned; it is asked again if this is None.
    """
    found: dict[str, EntryPoint] = {}
    for entry in (discover() if among is None else among).select(group=group):
        found.setdefault(entry.name, entry)
    return dict(sorted(found.items()))


def distribution_of(entry: EntryPoint) -> str:
    """Return the name of the distribution that declares an entry point, or ""."""
    return str(entry.dist.name) if entry.dist is not None else ""


def load_plugin(entry: EntryPoint) -> Any:
    """Return the object that an entry point names.

    Raises:
        PluginError: If importing or finding it fails, for whatever reason.
    """
    try:
        return entry.load()
    except (Exception, SystemExit) as error:  # a plugin's module may raise anything
        reason = f"{type(error).__name__}: {error}"
        raise PluginError(
            entry.group, entry.name, entry.value, distribution=distribution_of(entry), reason=reason
        ) from error


def load_plugins(group: str, among: Discovered | None = None) -> Iterator[tuple[str, Any]]:
    """Yield name and object of every plugin of a group that can be loaded; warn of the others.  See `find_plugins`."""
    for name, entry in find_plugins(group, among).items():
        try:
            yield name, load_plugin(entry)
        except PluginError as error:
            warn_plugin(error)


def warn_plugin(error: PluginError) -> None:
    """Tell that a plugin is left out."""
    warnings.warn(str(error), PluginWarning, stacklevel=3)
