"""Settings: limits, paths, what is checked. Read from `[tool.sentinel]` of the project's `pyproject.toml`."""

from __future__ import annotations

import importlib
import re
import sys
from dataclasses import dataclass, field, fields, replace
from fnmatch import translate
from pathlib import Path
from typing import Any, cast

from vcr_sentinel.errors import SentinelError

_SKIPPED_DIRECTORIES = frozenset(
    {".git", ".hg", ".svn", ".vcr", ".venv", "venv", ".tox", ".nox", "node_modules", "__pycache__", "site-packages",
     ".mypy_cache", ".pytest_cache", ".ruff_cache", ".eggs", "build", "dist", ".idea", ".hypothesis"}
)  # fmt: skip
_TEST = re.compile(r"(^|/)(tests?|testing|testutils|conftest\.py|test_[^/]*|[^/]*_tests?\.py|tests?\.py)(/|$)")
_GENERATED = re.compile(
    r"(^|/)(migrations|examples?|docs?|samples?|tutorials?|benchmarks?|_vendor|_vendored|vendor|vendored|third_party|"
    r"extern|_?generated|versions)(/|$)|_pb2(_grpc)?\.pyi?$|(^|/)(setup|_version|versioneer)\.py$"
)


class ConfigError(SentinelError):
    """A setting that cannot be read.

    Attributes:
        path: the file.
        reason: what is wrong with it.
    """

    def __init__(self, path: str, reason: str) -> None:
        self.path = path
        self.reason = reason
        super().__init__(f"{path}: {reason}. docs/sentinel.md shows the settings of [tool.sentinel].")


@dataclass(frozen=True)
class Limits:
    """Sizes a function should not cross: lines, McCabe complexity, parameters (ruff's C901 and PLR0913)."""

    lines: int = 40
    complexity: int = 8
    parameters: int = 5


@dataclass(frozen=True)
class DuplicateSizes:
    """Smallest functions that are compared, in tokens and statements, and how alike near-misses must be."""

    exact_tokens: int = 40
    exact_statements: int = 4
    renamed_tokens: int = 60
    renamed_statements: int = 5
    near_tokens: int = 70
    near_statements: int = 6
    near_ratio: float = 0.90


@dataclass(frozen=True)
class Config:
    """All settings.

    Attributes:
        limits: sizes of VS2xx.
        duplicates: sizes of VS1xx.
        exclude: globs of paths that are not looked at.
        ignore: rule codes, or prefixes of them, that are never reported.
        ruff: whether the slow lane asks ruff for its F rules, where ruff is installed.
        baseline: path of a baseline file, relative to the root.
    """

    limits: Limits = field(default_factory=Limits)
    duplicates: DuplicateSizes = field(default_factory=DuplicateSizes)
    exclude: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    ruff: bool = True
    baseline: str = ""

    def ignores(self, code: str) -> bool:
        """Whether findings of this rule are dropped."""
        return any(code.startswith(prefix) for prefix in self.ignore)

    def excludes(self, path: str) -> bool:
        """Whether the file is not looked at."""
        return any(part in _SKIPPED_DIRECTORIES for part in path.split("/")[:-1]) or any(
            re.match(translate(pattern), path) for pattern in self.exclude
        )


def skipped_directory(name: str) -> bool:
    """Whether a directory of this name is never entered."""
    return name in _SKIPPED_DIRECTORIES or name.endswith(".egg-info")


def is_test_path(path: str) -> bool:
    """Whether a file holds tests, by its path."""
    return _TEST.search(path) is not None


def is_unowned_path(path: str) -> bool:
    """Whether a file is vendored, generated, or a sample, by its path: never a party to a duplicate."""
    return _GENERATED.search(path) is not None


def load_config(root: Path) -> Config:
    """Settings of `[tool.sentinel]` in `root/pyproject.toml`; the defaults where there is none.

    Raises:
        ConfigError: the table holds something unknown or of the wrong type.
    """
    path = root / "pyproject.toml"
    # The same parser under two names: it came with Python in 3.11.
    tomllib: Any = importlib.import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")
    try:
        document: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return Config()
    except ValueError as exc:  # TOMLDecodeError and UnicodeDecodeError are such
        raise ConfigError(str(path), f"not valid TOML ({exc})") from exc
    tools = document.get("tool")
    table: object = cast("dict[str, Any]", tools).get("sentinel", {}) if isinstance(tools, dict) else {}
    return cast("Config", _filled(Config(), table, str(path), "tool.sentinel"))


def _filled(current: Any, table: object, path: str, where: str) -> Any:
    if not isinstance(table, dict):
        raise ConfigError(path, f"[{where}] must be a table")
    known = {item.name: getattr(current, item.name) for item in fields(current)}
    changes: dict[str, Any] = {}
    for raw, value in cast("dict[str, Any]", table).items():
        name = raw.replace("-", "_")
        if name not in known:
            raise ConfigError(path, f"unknown setting {raw!r} in [{where}], expected one of {', '.join(sorted(known))}")
        changes[name] = _converted(known[name], value, path, f"{where}.{raw}")
    return replace(current, **changes)


def _converted(default: Any, value: Any, path: str, where: str) -> Any:
    if isinstance(default, (Limits, DuplicateSizes)):
        return _filled(default, value, path, where)
    if isinstance(default, tuple):
        if isinstance(value, list) and all(isinstance(item, str) for item in cast("list[object]", value)):
            return tuple(cast("list[str]", value))
        raise ConfigError(path, f"{where} must be a list of strings")
    fits = isinstance(value, (int, float)) if isinstance(default, float) else isinstance(value, default.__class__)
    if not fits or isinstance(value, bool) != isinstance(default, bool):
        raise ConfigError(path, f"{where} must be of type {default.__class__.__name__}, not {value!r}")
    return value
