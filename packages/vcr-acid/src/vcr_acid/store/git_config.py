"""Settings and attribute files that hold in a repository, wherever git looks for them.

Settings come from the worktree, the repository, the user and the system, with what those files include. What git is
told on its command line or in ``GIT_CONFIG_COUNT`` is not known here.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable

from dulwich.config import Config, ConfigFile, StackedConfig, match_glob_pattern

from vcr_acid.store.layout import Layout

_TRUE = (b"true", b"yes", b"on", b"1")


def setting(config: Config, section: tuple[bytes, ...], name: bytes) -> bytes:
    """A setting in small letters; empty if it is not set."""
    try:
        return bytes(config.get(section, name)).lower()
    except KeyError:
        return b""


def autocrlf(config: Config) -> bytes:
    """``true``, ``input`` or empty: what git does to line endings where no attribute says it."""
    value = setting(config, (b"core",), b"autocrlf")
    return b"true" if value in _TRUE else value if value == b"input" else b""


def _config_home() -> str:
    home = os.environ.get("XDG_CONFIG_HOME") or os.path.join(os.path.expanduser("~"), ".config")
    return os.path.join(home, "git")


def _user_files() -> list[str]:
    named = os.environ.get("GIT_CONFIG_GLOBAL")
    if named is not None:
        return [named]
    return [os.path.join(os.path.expanduser("~"), ".gitconfig"), os.path.join(_config_home(), "config")]


def _system_files() -> list[str]:
    if "GIT_CONFIG_NOSYSTEM" in os.environ:
        return []
    return [os.environ.get("GIT_CONFIG_SYSTEM", "/etc/gitconfig")]


def _in_directory(git_dir: str, pattern: str) -> bool:
    """Whether an ``includeIf`` that names a directory is meant for a repository."""
    pattern = os.path.expanduser(pattern)
    pattern = pattern if pattern.startswith("/") else "**/" + pattern
    return match_glob_pattern(git_dir, pattern + "**" if pattern.endswith("/") else pattern)


def read_settings(layout: Layout) -> Config:
    """The settings that git would use in a worktree, the nearest file first.

    Raises:
        ValueError: A file is not in the form of settings; git refuses it, too.
    """
    conditions: dict[str, Callable[[str], bool]] = {
        "gitdir:": lambda pattern: _in_directory(layout.git_dir, pattern),
        "gitdir/i:": lambda pattern: _in_directory(layout.git_dir.lower(), pattern.lower()),
    }
    found: list[ConfigFile] = []
    for path in [os.path.join(layout.common_dir, "config"), *_user_files(), *_system_files()]:
        with contextlib.suppress(OSError):  # git goes on without a file that is not there or not the user's to read
            found.append(ConfigFile.from_path(path, condition_matchers=conditions))
    own = os.path.join(layout.git_dir, "config.worktree")
    if StackedConfig(found[:1]).get_boolean((b"extensions",), b"worktreeConfig", False) and os.path.exists(own):
        found.insert(0, ConfigFile.from_path(own, condition_matchers=conditions))
    return StackedConfig(found)


def user_file(config: Config, name: bytes, default: str) -> str:
    """The user's file that the setting ``core.<name>`` tells, else ``default`` among the user's settings of git."""
    try:
        return os.path.expanduser(os.fsdecode(config.get((b"core",), name)))
    except KeyError:
        return os.path.join(_config_home(), default)


def attribute_files(layout: Layout, config: Config) -> tuple[list[str], str]:
    """Attribute files outside the worktree: those that come before its ``.gitattributes``, and the one that comes last.

    Any of them may be missing.
    """
    system = [] if "GIT_ATTR_NOSYSTEM" in os.environ else ["/etc/gitattributes"]
    last = os.path.join(layout.common_dir, "info", "attributes")
    return [*system, user_file(config, b"attributesFile", "attributes")], last
