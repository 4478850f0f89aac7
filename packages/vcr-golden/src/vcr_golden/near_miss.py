"""Why a run is not the golden one: each component that differs, and what running again would cost."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from vcr_core import VCRPlayer
from vcr_golden.code_fingerprint import CodeMap, fingerprint
from vcr_golden.golden_store import GoldenFiles
from vcr_golden.identity import Difference, differences
from vcr_golden.ledger import Usage
from vcr_golden.saving import find_agent


@dataclasses.dataclass(frozen=True)
class NearMiss:
    """A golden run compared with what is asked for now.

    Attributes:
        task: The task of the golden run.
        trial: Its trial.
        fingerprint: Of the golden run.
        differences: Each component that differs.
        at_least: What the steps used that certainly have to run again.
        at_most: What all steps from the first of those on used.
    """

    task: str
    trial: int
    fingerprint: str
    differences: list[Difference]
    at_least: Usage
    at_most: Usage

    @property
    def same(self) -> bool:
        """True if nothing differs: the golden run answers."""
        return not self.differences

    @property
    def components(self) -> list[str]:
        """Names of the components that differ."""
        return list(dict.fromkeys(difference.component for difference in self.differences))

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON values."""
        found = [dataclasses.asdict(difference) for difference in self.differences]
        costs = {"at_least": self.at_least.as_dict(), "at_most": self.at_most.as_dict()}
        return {"task": self.task, "trial": self.trial, "same": self.same, "differences": found, **costs}

    def __str__(self) -> str:
        head = f"golden run {self.task!r}" + (f", trial {self.trial}" if self.trial else "")
        if self.same:
            return f"{head}: the same; replaying it costs nothing"
        lines = [f"{head}: a near miss, {len(self.components)} of 8 components differ"]
        lines += [f"  {difference}" for difference in self.differences]
        lines.append(f"  running again costs {_range(self.at_least, self.at_most)}")
        return "\n".join(lines)


def _range(low: Usage, high: Usage) -> str:
    if low == high:
        return f"{_cost(low)}, {low.tokens:,} tokens, {low.steps} steps"
    return f"between {_cost(low)}, {low.steps} steps and {_cost(high)}, {high.tokens:,} tokens, {high.steps} steps"


def _cost(usage: Usage) -> str:
    return f"${usage.known_cost_usd:.4f}" if usage.cost_usd is not None else "an unknown price"


def compare_identity(files: GoldenFiles, player: VCRPlayer, now: Mapping[str, Any], *, agent: Any = None) -> NearMiss:
    """Compare a golden run with the components that are known now.

    Args:
        files: The golden run.
        player: Its recording.
        now: Components by name; one that is not given is not compared.
        agent: Today's agent; its code is compared unless `now` says it.
    """
    manifest = files.manifest
    found = differences(manifest.components, now)
    changed: set[str] | None = None
    if "code" not in now and agent is not None and manifest.code:
        code = _comparable_code(manifest.code, CodeMap(agent).digests, whole=manifest.code_of_agent)
        names = sorted(name for name in {*manifest.code, *code} if manifest.code.get(name) != code.get(name))
        found += [
            Difference(
                "code", "/" + name.replace("~", "~0").replace("/", "~1"), manifest.code.get(name), code.get(name)
            )
            for name in names
        ]
        changed = _steps_of_changed_code(manifest.code, files) if names else set()
    return _with_costs(files, player, found, changed)


def _comparable_code(recorded: dict[str, str], now: dict[str, str], *, whole: bool) -> dict[str, str]:
    """Leave out what a recording that does not know its agent's own code cannot hold."""
    return now if whole else {name: digest for name, digest in now.items() if name in recorded}


def _steps_of_changed_code(recorded: dict[str, str], files: GoldenFiles) -> set[str]:
    """Return the steps whose own code is another one now, as far as their functions are loaded."""
    functions = {name.rpartition(".")[2].rpartition(":")[2]: find_agent(name) for name in recorded}
    return {
        step
        for step, facts in files.manifest.steps.items()
        if facts.code is not None and functions.get(step) is not None and fingerprint(functions[step]) != facts.code
    }


def _with_costs(files: GoldenFiles, player: VCRPlayer, found: list[Difference], changed: set[str] | None) -> NearMiss:
    manifest = files.manifest
    names = {difference.component for difference in found}
    rows = list(player.rows)
    certain: list[int] = []
    for row in rows:
        of_model = row.kind == "llm" and names & {"model", "params", "prompt", "tools"}
        of_code = "code" in names and changed is not None and row.node_name in changed
        if of_model or of_code or (row.index == 0 and names & {"input", "task", "agent"}):
            certain.append(row.index)
    if names and not certain and rows:
        first, at_least = 0, Usage()
    else:
        first = min(certain) if certain else len(rows)
        at_least = Usage.of(rows[index] for index in certain)
    return NearMiss(manifest.task, manifest.trial, manifest.fingerprint, found, at_least, Usage.of(rows[first:]))
