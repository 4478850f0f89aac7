"""``vcr golden``: list, show, explain, accept, gate."""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

from vcr_core import UsageError, VcrError, VCRPlayer
from vcr_golden import reports
from vcr_golden.budgets import parse_budgets
from vcr_golden.cache import GoldenRunCache
from vcr_golden.command_summaries import SUMMARIES
from vcr_golden.errors import GoldenError
from vcr_golden.gate import Gate, GateResult, Rules
from vcr_golden.golden_store import GoldenFiles
from vcr_golden.network_block import network_blocked
from vcr_golden.saving import import_agent
from vcr_golden.trace import read_trace

_ABOUT = "Keep successful runs, and tell whether today's agent still does the same: offline, no model is called."
_EPILOG = "exit status of gate: 0 the same, 2 drift, 125 untestable (so `git bisect run vcr golden gate` works)"


class _Command:
    """The subcommand, as the host of ``vcr.commands`` wants it."""

    summary = SUMMARIES["golden"]

    def register(self, subparsers: Any) -> None:
        """Add the parsers."""
        parser: argparse.ArgumentParser = subparsers.add_parser("golden", help=self.summary, description=_ABOUT)
        actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
        self._add(actions, "ls", _list, "list the golden runs")
        self._task(self._add(actions, "show", _show, "show the steps of a golden run"))
        explain = self._task(self._add(actions, "explain", _explain, "tell how today's code and identity differ"))
        explain.add_argument("--agent", help="module:function of today's agent")
        explain.add_argument("--identity", default="{}", help='components as JSON, such as \'{"model": "m2"}\'')
        self._task(self._add(actions, "accept", _accept, "make the changed run that waits the golden run"))
        self._add_gate(actions)

    def _add_gate(self, actions: Any) -> None:
        gate = self._add(actions, "gate", _gate, "compare runs with golden runs", epilog=_EPILOG)
        gate.add_argument("tasks", nargs="*", metavar="TASK", help="the golden runs; all by default")
        gate.add_argument(
            "--trial", type=int, default=None, metavar="N", help="this run of each task only (default: all)"
        )
        gate.add_argument(
            "--recording", type=Path, metavar="FILE", help="compare this recording, instead of replaying the agents"
        )
        gate.add_argument("--agent", metavar="AGENT", help="module:function, instead of the agents that were recorded")
        gate.add_argument("--mode", choices=["replay", "hybrid", "live"], default="replay", help="default: replay")
        gate.add_argument("--ignore", action="append", default=[], metavar="NAME", help="a step or kind not compared")
        for name in ("cost", "tokens", "steps", "latency"):
            gate.add_argument(f"--{name}", metavar="LIMIT", help="a number, or '+10%%' over the golden run")
        gate.add_argument(
            "--allow-host", action="append", default=[], metavar="HOST", help="may be connected to in replay"
        )
        gate.add_argument("--markdown", type=Path, metavar="FILE", help="write a Markdown report")
        gate.add_argument("--junit", type=Path, metavar="FILE", help="write a JUnit report")

    @staticmethod
    def _add(
        actions: Any, name: str, run: Callable[[argparse.Namespace], int], summary: str, **options: Any
    ) -> argparse.ArgumentParser:
        parser: argparse.ArgumentParser = actions.add_parser(
            name, help=summary, description=f"{summary[0].upper()}{summary[1:]}.", **options
        )
        parser.add_argument(
            "--golden-dir", type=Path, metavar="DIR", help="where golden runs lie (default: golden/ in --dir)"
        )
        parser.add_argument("--json", action="store_true", help="print JSON")
        parser.set_defaults(run=run)
        return parser

    @staticmethod
    def _task(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
        parser.add_argument("task", metavar="TASK", help="the name of the golden run")
        parser.add_argument(
            "--trial", type=int, default=0, metavar="N", help="which of several runs of the task (default: 0)"
        )
        return parser


command = _Command()


def _cache(args: argparse.Namespace) -> GoldenRunCache:
    return GoldenRunCache(args.golden_dir or Path(getattr(args, "dir", ".vcr")) / "golden")


def _print_json(data: Any) -> int:
    print(json.dumps(data, indent=2, ensure_ascii=False, default=str))
    return 0


def _list(args: argparse.Namespace) -> int:
    runs = _cache(args).list_runs()
    if args.json:
        return _print_json(runs)
    for run in runs:
        cost = "unknown price" if run["total_cost_usd"] is None else f"${run['total_cost_usd']:.4f}"
        trial = f"  trial {run['trial']}" if run["trial"] else ""
        waits = "  (a changed run waits)" if run["pending"] else ""
        words = f"{run['frame_count']} steps  {run['total_tokens']:,} tokens  {cost}"
        print(f"{run['fingerprint']}  {words}  {run['task']}{trial}{waits}")
    return 0


def _show(args: argparse.Namespace) -> int:
    cache = _cache(args)
    files = cache.store.get(args.task, args.trial)
    if args.json:
        return _print_json(json.loads(files.manifest.to_json()))
    trace = read_trace(files.recording)
    print(f"{files.manifest.task}  {files.manifest.fingerprint}\n{files.recording}")
    for step in trace.steps:
        facts = files.manifest.steps.get(step.row.node_name)
        effect = "" if facts is None or facts.effect.kind == "pure" else f"  {facts.effect.kind}"
        print(f"{step.row.index:>5}  {step.kind:<6} {step.name}{effect}")
    if files.pending_diff.exists():
        print(f"\na changed run waits:\n{files.pending_diff.read_text(encoding='utf-8')}", end="")
    return 0


def _explain(args: argparse.Namespace) -> int:
    try:
        identity = json.loads(args.identity)
    except ValueError as error:
        raise UsageError(f"--identity is not JSON: {error}") from error
    if not isinstance(identity, dict):
        raise UsageError("--identity is to be a JSON object of components")
    cache = _cache(args)
    agent = _agent(args.agent) if args.agent else None
    known = cast("dict[str, Any]", identity)
    miss = cache.explain(args.task, agent, identity=known, trial=args.trial)
    if args.json:
        return _print_json(miss.as_dict())
    print(miss)
    return 0


def _accept(args: argparse.Namespace) -> int:
    fingerprint = _cache(args).accept(args.task, trial=args.trial)
    print(json.dumps({"task": args.task, "fingerprint": fingerprint}) if args.json else f"accepted: {fingerprint}")
    return 0


def _gate(args: argparse.Namespace) -> int:
    cache = _cache(args)
    limits = parse_budgets({name: getattr(args, name) for name in ("cost", "tokens", "steps", "latency")})
    gate = Gate(cache, Rules(ignore=tuple(args.ignore), limits=tuple(limits)))
    try:
        results = _check_all(args, cache, gate)
    except GoldenError as error:
        results = [GateResult("-", problem=str(error))]
    print(reports.json_report(results) if args.json else reports.text_report(results), end="")
    for path, render in ((args.markdown, reports.markdown_report), (args.junit, reports.junit_report)):
        if path is not None:
            path.write_text(render(results), encoding="utf-8")
    return reports.exit_code(results)


def _check_all(args: argparse.Namespace, cache: GoldenRunCache, gate: Gate) -> list[GateResult]:
    chosen = [files for files in cache.store.all() if args.trial is None or files.manifest.trial == args.trial]
    wanted = set(args.tasks)
    results = [_check(args, gate, files) for files in chosen if not wanted or files.manifest.task in wanted]
    missing = wanted - {files.manifest.task for files in chosen}
    results += [GateResult(task, problem="there is no golden run of it") for task in sorted(missing)]
    return results or [GateResult("-", problem=f"there are no golden runs in {cache.directory}")]


def _check(args: argparse.Namespace, gate: Gate, files: GoldenFiles) -> GateResult:
    manifest = files.manifest
    try:
        if args.recording is None:
            return _check_agent(args, gate, files)
        player = VCRPlayer.load(args.recording)
        try:
            return gate.check_recording(manifest.task, player, trial=manifest.trial)
        finally:
            player.close()
    except SystemExit as error:
        problem = f"the agent ended the program (SystemExit: {error})"
    except (VcrError, OSError) as error:
        problem = str(error)
    return GateResult(manifest.task, manifest.trial, problem=problem)


def _check_agent(args: argparse.Namespace, gate: Gate, files: GoldenFiles) -> GateResult:
    manifest = files.manifest
    recorded = manifest.components.get("agent")
    name = args.agent or (None if recorded is None else recorded.value)
    if not isinstance(name, str):
        return GateResult(manifest.task, manifest.trial, problem="it does not say its agent: pass --agent")
    agent = _agent(name)
    with contextlib.redirect_stdout(sys.stderr):  # ours is the report
        if args.mode != "replay":
            return gate.check_agent(manifest.task, agent, mode=args.mode, trial=manifest.trial)[0]
        with network_blocked(args.allow_host) as block:
            result, _ = gate.check_agent(manifest.task, agent, trial=manifest.trial)
    if block.blocked:
        result.problem = str(block.blocked[0])
    return result


def _agent(name: str) -> Any:
    """Import an agent; the working directory is a place to look, as for ``python -m``."""
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    with contextlib.redirect_stdout(sys.stderr):  # ours is the report
        return import_agent(name)
