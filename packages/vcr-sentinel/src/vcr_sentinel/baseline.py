"""Baselines: findings that a project has accepted for now, by fingerprint.

A baseline also remembers which functions are the originals of its duplicates, so that a third copy is flagged and not
the original.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from vcr_sentinel.errors import SentinelError
from vcr_sentinel.findings import Finding

_VERSION = 1


class BaselineError(SentinelError):
    """A baseline file that cannot be read."""


@dataclass(frozen=True)
class Baseline:
    """Accepted findings.

    Attributes:
        fingerprints: of accepted findings.
        originals: `path::qualname` of functions that accepted duplicates cite.
    """

    fingerprints: frozenset[str] = frozenset()
    originals: frozenset[str] = frozenset()

    @classmethod
    def load(cls, path: Path) -> Baseline:
        """Read a baseline; a file that does not exist is an empty one.

        Raises:
            BaselineError: the file is no baseline.
        """
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
            if data["version"] != _VERSION:
                raise BaselineError(f"{path}: version {data['version']} is not {_VERSION}; write it anew")
            prints = frozenset(str(item["fingerprint"]) for item in data["findings"])
            return cls(prints, frozenset(str(item) for item in data["originals"]))
        except FileNotFoundError:
            return cls()
        except (ValueError, KeyError, TypeError) as exc:
            raise BaselineError(
                f"{path} is not a baseline ({exc!r}). Write one with `sentinel scan --write-baseline {path}`."
            ) from exc

    def new(self, findings: list[Finding]) -> list[Finding]:
        """The findings that are not accepted."""
        return [item for item in findings if item.fingerprint not in self.fingerprints]


def write_baseline(path: Path, findings: list[Finding]) -> None:
    """Accept these findings."""
    rows = sorted(
        {(item.fingerprint, item.code, item.path, item.symbol or str(item.line)) for item in findings},
        key=lambda row: (row[2], row[1], row[3]),
    )
    data = {
        "version": _VERSION,
        "findings": [dict(zip(("fingerprint", "code", "path", "symbol"), row, strict=True)) for row in rows],
        "originals": sorted({item.related_identity for item in findings if item.related_identity}),
    }
    path.write_text(json.dumps(data, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
