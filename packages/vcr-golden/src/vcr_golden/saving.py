"""Making a recording golden: it must be finished, verified and good; then it is packed and described."""

from __future__ import annotations

import dataclasses
import datetime
import importlib
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from vcr_core import FrameRow, VCRPlayer, VCRRecorder
from vcr_core.exporters.packing import pack_session
from vcr_core.legacy import LegacyFile
from vcr_core.runtime_types import importable_name
from vcr_golden.code_fingerprint import CodeMap, fingerprint
from vcr_golden.effects import Effects
from vcr_golden.errors import GoldenError
from vcr_golden.golden_store import GoldenFiles, GoldenStore
from vcr_golden.identity import Component, check_identity, recorded_components
from vcr_golden.ledger import Usage
from vcr_golden.manifest import CodeFacts, Manifest, StepFacts
from vcr_golden.run_lines import RunLines, read_run_lines
from vcr_golden.wire import digest_of


class NotGoldenError(GoldenError):
    """A recording that cannot be kept as a golden run.

    Attributes:
        path: The recording.
        reason: ``unfinished``, ``failed``, ``unverified`` or ``empty``.
    """

    def __init__(self, path: object, reason: str, detail: str) -> None:
        self.path = path
        self.reason = reason
        super().__init__(f"{path} cannot be kept as a golden run: {detail}")


def recording_of(source: VCRRecorder | VCRPlayer | str | Path) -> tuple[VCRPlayer, dict[str, Any]]:
    """Return the recording that is meant, open, and the functions of its steps as far as this process knows them."""
    if isinstance(source, VCRPlayer):
        return VCRPlayer.load(source.path), {}
    if isinstance(source, VCRRecorder):
        if source.session_id is None:
            raise NotGoldenError("the recorder", "empty", "nothing was recorded. Record the run first.")
        return VCRPlayer.load(source.store.path(source.session_id)), dict(source.functions)
    return VCRPlayer.load(source), {}


def check_golden(player: VCRPlayer) -> None:
    """See that a recording may become golden.

    Raises:
        NotGoldenError: If it is empty, unfinished, failed or does not verify.
    """
    if isinstance(player.source, LegacyFile):
        raise NotGoldenError(player.path, "unverified", "recordings of 1.x carry no hashes. Record the run again.")
    if not len(player):
        raise NotGoldenError(player.path, "empty", "it has no frames.")
    if player.end is None:
        raise NotGoldenError(player.path, "unfinished", "it has no end. Call recorder.save(), or run it again.")
    report = player.verify()
    if not report.ok:
        problem = report.problems[0]
        raise NotGoldenError(player.path, "unverified", f"line {problem.line}: {problem.message}")
    failed = [row for row in player.rows if row.status == "error"]
    if player.end.status != "ok" or (failed and not read_run_lines(player).has_result):
        where = f"frame {failed[-1].index} ({failed[-1].node_name}) failed" if failed else "the run ended in an error"
        raise NotGoldenError(player.path, "failed", f"{where}. Keep a run that succeeded.")


def find_agent(name: str | None) -> Any:
    """Return the function that a recording names, if its module is loaded; else None."""
    if name is None:
        return None
    module_name, _, path = name.partition(":")
    modules = [sys.modules.get(module_name)]
    if module_name == importable_name("__main__"):
        modules.append(sys.modules["__main__"])
    for target in modules:
        found: Any = target
        for part in path.split("."):
            found = getattr(found, part, None)
        if found is not None:
            return found
    return None


def import_agent(name: str) -> Any:
    """Return the function ``module:name``, importing its module.

    Raises:
        GoldenError: If there is none, or its module cannot be imported.
    """
    module_name, _, path = name.partition(":")
    try:
        found: Any = importlib.import_module(module_name)
        for part in path.split("."):
            found = getattr(found, part)
    except (Exception, SystemExit) as error:  # what a module raises where it is imported
        raise GoldenError(
            f"the agent {name!r} cannot be loaded: {type(error).__name__}: {error}. "
            "Name it as module:function, of a module that can be imported."
        ) from error
    return found


class Saver:
    """One recording on its way to become golden."""

    def __init__(self, store: GoldenStore, effects: Effects) -> None:
        self._store = store
        self._effects = effects

    def save(
        self,
        task: str,
        source: VCRRecorder | VCRPlayer | str | Path,
        *,
        identity: Mapping[str, Any] | None,
        agent: Any,
        trial: int,
        tags: list[str],
        facts: CodeFacts | None = None,
    ) -> GoldenFiles:
        """Check, pack and describe a recording, in place of the one there was and of what waited beside that.

        `facts` are those of the process that made the recording; without them this one is asked.

        Raises:
            NotGoldenError: If it cannot be golden.
        """
        player, functions = recording_of(source)
        try:
            check_golden(player)
            if facts is None:
                agent = agent if agent is not None else find_agent(read_run_lines(player).agent)
                facts = code_facts(player.rows, agent, functions, self._effects)
            manifest = _describe(task, trial, player, facts, check_identity(identity), tags)
            stem = self._store.stem(task, trial, manifest.fingerprint)
            self._store.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            target = self._store.directory / f"{stem}.vcr"
            passing = target.with_suffix(".vcr.passing")
            passing.unlink(missing_ok=True)
            pack_session(player, passing)
            passing.replace(target)
        finally:
            player.close()
        files = self._store.write(stem, manifest)
        self._store.keep_only(files)
        return files


def code_facts(
    rows: Iterable[FrameRow],
    agent: Any,
    functions: Mapping[str, Any],
    effects: Effects,
    golden: Mapping[str, StepFacts] | None = None,
) -> CodeFacts:
    """Return what this process knows of the code that made a recording.

    Args:
        rows: The recording's.
        agent: The agent's function, or None.
        functions: The functions behind its steps, by step name, as far as they are known.
        effects: What steps do to the world.
        golden: The steps of the run that some of its frames were served from.  Such a frame is the work of the code
            that was recorded there: that is the step's if today's did not run (it lies inside a step that was served),
            and where it is not today's, the code of the step is not known.
    """
    found: dict[str, StepFacts] = {}
    for row in rows:
        name, function = row.node_name, functions.get(row.node_name)
        recorded = None if golden is None or row.origin != "tape" else golden.get(name)
        if name not in found:
            effect = effects.of(name, row.kind, function=function, effect=row.effect)
            today = StepFacts(fingerprint(function), effect)
            found[name] = today if function is not None or recorded is None else recorded
        if recorded is not None and recorded.code != found[name].code:
            found[name] = dataclasses.replace(found[name], code=None)
    roots = [agent] if agent is not None else []
    return CodeFacts(CodeMap(*roots, *functions.values()).digests, agent is not None, found)


def _describe(
    task: str, trial: int, player: VCRPlayer, facts: CodeFacts, given: dict[str, Any], tags: list[str]
) -> Manifest:
    components = _components(task, player, read_run_lines(player), given, facts.code)
    whole = {name: component.digest for name, component in components.items()}
    return Manifest(
        task=task,
        trial=trial,
        fingerprint=digest_of([whole, trial])[:16],
        created_at=datetime.datetime.now(datetime.timezone.utc).isoformat(),
        session_id=player.session.session_id,
        components=components,
        code=facts.code,
        code_of_agent=facts.code_of_agent,
        steps=facts.steps,
        frames=[
            (digest_of(player.wire_state(row.index, "input")), digest_of(player.wire_state(row.index)))
            for row in player.rows
        ],
        totals=Usage.of(player.rows).as_dict(),
        tags=tags,
    )


def _components(
    task: str, player: VCRPlayer, lines: RunLines, given: dict[str, Any], code: dict[str, str]
) -> dict[str, Component]:
    values = {**recorded_components(player, lines), "task": task, **given}
    if code and "code" not in given:
        values["code"] = code
    return {name: Component.of(value) for name, value in values.items() if value is not None}
