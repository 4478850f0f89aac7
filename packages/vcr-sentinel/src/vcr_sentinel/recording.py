"""One frame per check in a `.vcr` session, and the same findings again from such a session.

Everything that knows the recorder or the player stands here.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from vcr_core import VCRPlayer, VCRRecorder
from vcr_sentinel.config import Config, Limits
from vcr_sentinel.findings import Finding
from vcr_sentinel.guard import CheckResult, Sentinel
from vcr_sentinel.project import Project

CHECK, REVIEW, TURN_END = "sentinel:check", "sentinel:review", "sentinel:turn_end"
PROJECT_LABEL = "sentinel:project"
MAX_PROJECT_BYTES = 2_000_000  # of sources kept with a session, so that it can be replayed anywhere
_NODES = {"check": CHECK, "review": REVIEW, "turn_end": TURN_END}


class RecorderJournal:
    """Writes results into the recorder's current session."""

    def __init__(self, recorder: VCRRecorder) -> None:
        self._recorder = recorder

    def started(self, project: Project) -> None:
        """Keep the sources as they were, where they are small enough, else only what they are called."""
        files = {path: project.text(path) for path in sorted(project.index.files)}
        limits = project.config.limits
        state: dict[str, Any] = {
            "root": str(project.root),
            "limits": {"lines": limits.lines, "complexity": limits.complexity, "parameters": limits.parameters},
        }
        if sum(map(len, files.values())) <= MAX_PROJECT_BYTES:
            state["files"] = {path: text.decode("utf-8") for path, text in files.items()}
        else:
            state["paths"] = list(files)
        self._recorder.record_checkpoint(state, PROJECT_LABEL)

    def checked(self, result: CheckResult, source: bytes, before: bytes) -> None:
        """Record one result: input the file, output what was said about it."""
        text = source.decode("utf-8", "backslashreplace")
        given: dict[str, Any] = {"path": result.path}
        if result.kind == "check":
            given |= {"source": text, "before": before.decode("utf-8", "backslashreplace")}
        output: dict[str, Any] = {
            "path": result.path,
            "findings": [item.as_dict() for item in result.findings],
            "allowed": [{"finding": item.finding.as_dict(), "reason": item.reason} for item in result.allowed],
            "corrected": result.corrected,
        }
        self._recorder.record_step(
            _NODES[result.kind], given, output, {"findings": len(result.findings)}, latency_ms=result.service_ms
        )


@dataclass(frozen=True)
class Replayed:
    """A session checked again.

    Attributes:
        frames: how many checks and turn ends were made again.
        differing: indexes of frames whose findings came out otherwise.
    """

    frames: int
    differing: list[int] = field(default_factory=list[int])


def replay(session: str | Path, *, root: Path | None = None) -> Replayed:
    """Make every check of a recorded session again and compare the findings.

    Args:
        session: a `.vcr` file that a `Sentinel` recorded.
        root: the project as it was then; by default it is laid out anew from the sources in the session.

    Raises:
        ValueError: the session holds no sources, and no root was given.
    """
    player = VCRPlayer.load(str(session))
    if root is not None:
        return _replay(player, root, Config())
    state = cast("dict[str, Any]", player.goto_checkpoint(PROJECT_LABEL))
    if "files" not in state:
        raise ValueError(f"{session} holds no sources (the project was too large); give root= as it was then")
    with tempfile.TemporaryDirectory() as folder:
        for path, text in state["files"].items():
            target = Path(folder, path)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(text.encode("utf-8"))
        return _replay(player, Path(folder), Config(limits=Limits(**state["limits"])))


def _replay(player: VCRPlayer, root: Path, config: Config) -> Replayed:
    differing: list[int] = []
    frames = 0
    with Sentinel(root=root, config=config, persist=False, slow_lane="off") as sentinel:
        seen: list[CheckResult] = []
        sentinel.on_result(seen.append)
        for row in player.rows:
            if row.node_name not in {CHECK, TURN_END}:
                continue
            frames += 1
            if row.node_name == CHECK:
                given = player.get_input_state(row.index)
                sentinel.check(given["path"], given["source"])
            else:
                sentinel.turn_end()
            told = [Finding.from_dict(item) for item in player.goto_frame(row.index)["findings"]]
            if seen[-1].findings != told:
                differing.append(row.index)
    return Replayed(frames, differing)
