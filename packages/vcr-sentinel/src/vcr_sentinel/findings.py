"""What Sentinel reports, and how it is said."""

from __future__ import annotations

import enum
from dataclasses import asdict, dataclass, replace
from hashlib import blake2b
from typing import Any

MAX_MESSAGES = 5


class Severity(str, enum.Enum):
    """How sure and how urgent. `CRITICAL` is said to an agent as something to mend before it goes on."""

    CRITICAL = "CRITICAL"
    WARNING = "WARNING"
    INFO = "INFO"

    @property
    def rank(self) -> int:
        """0 for the gravest."""
        return ("CRITICAL", "WARNING", "INFO").index(self.value)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong.

    Attributes:
        code: rule, such as `VS101`; ruff's own code for its findings.
        path: relative to the project root, with `/`.
        line: 1-based.
        symbol: qualified name of the function it is about; may be empty.
        message: what is wrong, one sentence without the place.
        fix: what to do, and what not to do.
        related: `path:line` of the other place, for duplicates and calls.
        identity: what stays the same when lines move; the base of `fingerprint`.
        related_identity: the same for the other place.
    """

    code: str
    severity: Severity
    path: str
    line: int
    symbol: str
    message: str
    fix: str
    related: str = ""
    identity: str = ""
    related_identity: str = ""

    @property
    def fingerprint(self) -> str:
        """Stable name for baselines and for counting self-correction."""
        text = f"{self.code}\0{self.path}\0{self.symbol}\0{self.identity}"
        return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()

    def as_text(self) -> str:
        """The message as an agent reads it, in at most about 120 tokens."""
        head = f"SENTINEL {self.severity.value} {self.code} {self.path}:{self.line} {self.message}"
        return f"{_shorten(head, 230)}\n  Fix: {_shorten(self.fix, 160)}"

    def as_dict(self) -> dict[str, Any]:
        """Plain data, with the fingerprint."""
        data = asdict(self)
        data["severity"] = self.severity.value
        data["fingerprint"] = self.fingerprint
        return data

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Finding:
        """The finding that `as_dict` gave."""
        fields: dict[str, Any] = {name: data[name] for name in cls.__slots__ if name in data}
        fields["severity"] = Severity(data["severity"])
        return cls(**fields)

    def with_severity(self, severity: Severity) -> Finding:
        """The same at another severity."""
        return replace(self, severity=severity)


def sort_findings(findings: list[Finding]) -> list[Finding]:
    """Gravest first, then by place."""
    return sorted(findings, key=lambda item: (item.severity.rank, item.path, item.line, item.code))


def render_for_agent(findings: list[Finding], *, limit: int = MAX_MESSAGES) -> str:
    """At most `limit` messages, gravest first; empty when there is nothing to say."""
    ordered = sort_findings(findings)
    lines = [item.as_text() for item in ordered[:limit]]
    if len(ordered) > limit:
        lines.append(f"SENTINEL {len(ordered) - limit} more not shown; mend these first, or run `sentinel scan`.")
    return "\n".join(lines)


def _shorten(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"
