"""The `sentinel` command: scan, watch, hook, explain, daemon. Also `vcr sentinel …`.

Exit codes: 0 nothing wrong, 1 findings at or above `--fail-on`, 2 wrong usage or settings.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, cast

from vcr_core.errors import VcrError
from vcr_sentinel.baseline import Baseline, write_baseline
from vcr_sentinel.command_summaries import SUMMARIES
from vcr_sentinel.config import load_config
from vcr_sentinel.findings import Severity
from vcr_sentinel.formats import Format, render
from vcr_sentinel.guard import Sentinel, worst
from vcr_sentinel.rules import RULES, as_markdown, explain
from vcr_sentinel.scan import apply_fixes, scan, terminal_progress

_DESCRIPTION = "The guard that watches what an agent writes, and says at once what is certainly wrong."
_LEVELS = {"critical": Severity.CRITICAL, "warning": Severity.WARNING, "info": Severity.INFO}


def run_scan(options: argparse.Namespace) -> int:
    """`sentinel scan`."""
    root = _directory(options.directory)
    config = load_config(root)
    named = options.baseline or (root / config.baseline if config.baseline else None)
    baseline = Baseline.load(Path(named)) if named else None
    with Sentinel(root=root, config=config, persist=not options.no_cache, slow_lane="off") as sentinel:
        progress = terminal_progress if options.format == "text" else None
        report = scan(sentinel, baseline=baseline, progress=progress)
        if options.write_baseline:
            write_baseline(Path(options.write_baseline), report.findings)
            print(f"{len(report.findings)} findings accepted in {options.write_baseline}", file=sys.stderr)
            return 0
        if options.fix:
            mended, refused = apply_fixes(sentinel, report.findings)
            print(f"mended {len(mended)} exact duplicates", file=sys.stderr)
            for finding, why in refused:
                print(f"left {finding.path}:{finding.line}: {why}", file=sys.stderr)
            report = scan(sentinel, baseline=baseline)
    print(render(report.findings, cast("Format", options.format), files=report.files))
    if report.accepted or report.allowed:
        print(f"{report.accepted} accepted by the baseline, {len(report.allowed)} allowed by comments", file=sys.stderr)
    for item in report.allowed if options.show_allowed else ():
        print(f"allowed {item.finding.code} {item.finding.path}:{item.finding.line}: {item.reason}", file=sys.stderr)
    gravest = worst(report.findings)
    return int(gravest is not None and gravest.rank <= _LEVELS[options.fail_on].rank)


def run_explain(options: argparse.Namespace) -> int:
    """`sentinel explain`."""
    if options.markdown:
        print(as_markdown(), end="")
        return 0
    if not options.code:
        for rule in RULES.values():
            print(f"{rule.code}  {rule.title} ({rule.severity})")
        return 0
    text = explain(options.code)
    if text is None:
        print(f"sentinel: no rule {options.code!r}; `sentinel explain` lists them", file=sys.stderr)
        return 2
    print(text, end="")
    return 0


def run_watch(options: argparse.Namespace) -> int:
    """`sentinel watch`."""
    from vcr_sentinel.watch import watch  # noqa: PLC0415  # needs the extra `watch`

    return watch(_directory(options.directory), record=options.record)


def run_hook(_options: argparse.Namespace) -> int:
    """`sentinel hook`, when it was not started through the light client."""
    from vcr_sentinel.hook_client import run_hook as hook  # noqa: PLC0415  # kept apart from the rest

    return hook()


def run_daemon(options: argparse.Namespace) -> int:
    """`sentinel daemon`: what the hook client starts by itself."""
    from vcr_sentinel.hook_daemon import serve  # noqa: PLC0415  # only here

    return serve(_directory(options.directory), idle_seconds=options.idle)


def run_install(options: argparse.Namespace) -> int:
    """`sentinel install`."""
    from vcr_sentinel.hook_install import install  # noqa: PLC0415  # only here

    for line in install(_directory(options.directory), options.client):
        print(line)
    return 0


class _Command:
    """What `vcr` loads through the entry point group `vcr.commands`."""

    @staticmethod
    def register(subparsers: Any) -> None:
        """Add `vcr sentinel`."""
        parser = subparsers.add_parser("sentinel", help=SUMMARIES["sentinel"], description=_DESCRIPTION)
        _fill(parser)


command = _Command()


def _fill(parser: argparse.ArgumentParser) -> None:
    commands = parser.add_subparsers(dest="sentinel_command", required=True, metavar="command")

    def add(name: str, run: Callable[[argparse.Namespace], int], words: str) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=words, description=f"{words[0].upper()}{words[1:]}.")
        made.set_defaults(run=run)
        return made

    scanner = add("scan", run_scan, "look at every file of a project")
    scanner.add_argument("directory", nargs="?", default=".", help="the project (default: here)")
    scanner.add_argument("--format", choices=("text", "json", "sarif", "github"), default="text")
    scanner.add_argument("--baseline", metavar="FILE", help="accept the findings in this file")
    scanner.add_argument("--write-baseline", metavar="FILE", help="accept all present findings, in this file")
    scanner.add_argument("--fix", action="store_true", help="replace exact duplicates by imports")
    scanner.add_argument("--fail-on", choices=tuple(_LEVELS), default="warning", help="exit 1 from this severity on")
    scanner.add_argument("--no-cache", action="store_true", help="neither read nor write .vcr/sentinel")
    scanner.add_argument("--show-allowed", action="store_true", help="list what comments allow, with their reasons")
    watcher = add("watch", run_watch, "check files as they change on disk")
    watcher.add_argument("directory", nargs="?", default=".")
    watcher.add_argument("--record", action="store_true", help="keep a session of every check in .vcr")
    add("hook", run_hook, "answer a Claude Code or Codex hook: JSON on standard input")
    teller = add("explain", run_explain, "what a rule is for and how to mend it")
    teller.add_argument("code", nargs="?")
    teller.add_argument("--markdown", action="store_true", help="all rules as a page")
    server = add("daemon", run_daemon, "serve hooks of one project (started by `hook` itself)")
    server.add_argument("directory", nargs="?", default=".")
    server.add_argument("--idle", type=float, default=1800.0, help="seconds without an event after which it ends")
    installer = add("install", run_install, "set up the hooks of a coding agent, or pre-commit, in a project")
    installer.add_argument("client", choices=("claude", "codex", "pre-commit"))
    installer.add_argument("directory", nargs="?", default=".")


def _directory(name: str) -> Path:
    path = Path(name).resolve()
    if not path.is_dir():
        print(f"sentinel: {name} is not a directory", file=sys.stderr)
        raise SystemExit(2)
    return path


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; a `VcrError` becomes one paragraph on standard error and exit code 2."""
    parser = argparse.ArgumentParser(prog="sentinel", description=_DESCRIPTION)
    _fill(parser)
    options = parser.parse_args(arguments)
    try:
        return int(options.run(options))
    except VcrError as exc:
        print(f"sentinel: {exc}", file=sys.stderr)
        return 2
    except (BrokenPipeError, KeyboardInterrupt):
        return 130
