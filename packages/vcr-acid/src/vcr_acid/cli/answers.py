"""The commands besides ``vcr run``: ask the session, print what it says."""

from __future__ import annotations

import argparse
import dataclasses
import os
import sys
from pathlib import Path
from typing import Any

from vcr_acid.cli import wording
from vcr_acid.cli.calling import call_session, start_directory
from vcr_acid.cli.places import default_workspace
from vcr_acid.transaction.workspace import ACIDWorkspace
from vcr_core.cli import screen
from vcr_core.cli.screen import paint, size
from vcr_core.errors import UsageError

_ERROR = 1


def _call(args: argparse.Namespace, name: str, **values: Any) -> dict[str, Any]:
    return call_session(start_directory(args.workspace), args.session, name, values)


def _show(args: argparse.Namespace, values: dict[str, Any], text: str) -> int:
    if args.json:
        screen.write_json(values)
    else:
        screen.write(text)
    return 0


def _moved(args: argparse.Namespace, done: dict[str, Any], verb: str) -> int:
    color = wording.colored(sys.stdout)
    return _show(args, done, wording.what_moved(done, verb, color=color) + wording.steps_left(done, color=color))


def undo(args: argparse.Namespace) -> int:
    """``vcr undo [N]``."""
    done = _call(args, "undo", steps=args.steps, all=args.all)
    return _moved(args, done, f"undone, back at frame {done['savepoint']['number']}")


def redo(args: argparse.Namespace) -> int:
    """``vcr redo [N]``."""
    done = _call(args, "redo", steps=args.steps, all=args.all)
    return _moved(args, done, f"redone, at frame {done['savepoint']['number']}")


def restore(args: argparse.Namespace) -> int:
    """``vcr restore FRAME [PATH…]``."""
    done = _call(args, "restore", number=args.frame, paths=args.paths, cwd=os.getcwd())
    return _moved(args, done, f"restored from frame {args.frame}")


def savepoint(args: argparse.Namespace) -> int:
    """``vcr savepoint [-m TEXT]``."""
    done = _call(args, "savepoint", message=args.message)
    made = done["savepoint"]
    name = f" ({screen.safe(made['node_name'])})" if made["node_name"] else ""
    changed = wording.plural(made["changed_count"], "path")
    return _show(args, done, f"saved frame {made['number']}{name}: {changed} changed since the one before\n")


def log(args: argparse.Namespace) -> int:
    """``vcr log``."""
    done = _call(args, "log")
    return _show(args, done, wording.log_table(done))


def status(args: argparse.Namespace) -> int:
    """``vcr status``."""
    done = _call(args, "status")
    return _show(args, done, wording.status_text(done, color=wording.colored(sys.stdout)))


def commit(args: argparse.Namespace) -> int:
    """``vcr commit``; 1 if there is a conflict."""
    values = {"message": args.message, "resolve": args.resolve, "drop_effects": args.drop_effects, "cwd": os.getcwd()}
    done = _call(args, "commit", **values)
    _show(args, done, wording.commit_text(done, color=wording.colored(sys.stdout)))
    return _ERROR if done["status"] == "conflict" else 0


def abort(args: argparse.Namespace) -> int:
    """``vcr abort``."""
    if sys.stdin.isatty() and not args.yes and not args.json:
        now = _call(args, "status")
        changes = now["changes"]
        sys.stdout.write("\n".join(wording.change_lines(changes, color=wording.colored(sys.stdout))) + "\n")
        answer = input(f"put back {wording.plural(len(changes), 'path')} and end {now['session_id']}? [y/N] ")
        if answer.strip().lower() not in ("y", "yes"):
            screen.note("vcr: nothing was done")
            return _ERROR
    done = _call(args, "abort")
    color = wording.colored(sys.stdout)
    text = wording.what_moved(done, "aborted, as in the beginning", color=color)
    kept = f"  what was here lies in commit {done['before'][:12]} until `vcr gc` forgets the session\n"
    return _show(args, done, text + paint(kept, "dim", color=color))


def recover(args: argparse.Namespace) -> int:
    """``vcr recover``."""
    report = ACIDWorkspace.recover(default_workspace(start_directory(args.workspace)))
    lines: list[str] = []
    for one in report.sessions:
        actions = "; ".join(one.actions) or "nothing to repair"
        lines.append(f"{screen.safe(one.session_id)} ({one.state}): {screen.safe(actions)}")
        if one.effects:
            lines.append("  " + wording.waiting_effects(one.session_id, one.effects))
    if report.removed_temporary:
        lines.append(f"{wording.plural(report.removed_temporary, 'temporary file')} removed")
    if report.open_sessions:
        lines.append("`vcr status` shows the open session; `vcr undo`, `vcr commit` and `vcr abort` work again")
    return _show(args, dataclasses.asdict(report), "\n".join(lines or ["no unfinished session here"]) + "\n")


def collect(args: argparse.Namespace) -> int:
    """``vcr gc [--keep N]``."""
    acid = ACIDWorkspace(default_workspace(start_directory(args.workspace)))
    report = acid.gc(keep=args.keep)
    rows = [[screen.Cell(name, "bold"), screen.Cell(size(number))] for name, number in sorted(report.sessions.items())]
    text = screen.table(["session", ">log"], rows) if rows else "no sessions here\n"
    text += f"protected files (escrow)  {size(report.escrow)}\n"
    text += f"objects of the repository {size(report.loose)} loose, {size(report.packed)} packed\n"
    if report.removed:
        gone = ", ".join(screen.safe(name) for name in report.removed)
        text += f"forgot {gone}: {size(report.freed)} freed; `git gc` drops their objects in time\n"
    else:
        text += f"nothing to forget: {wording.plural(args.keep, 'finished session')} may stay (--keep N)\n"
    return _show(args, dataclasses.asdict(report), text)


def init(args: argparse.Namespace) -> int:
    """``vcr init --claude-code [--local] [--remove]``."""
    from vcr_acid.cli import hook_install

    if not args.claude_code:
        raise UsageError("which agent? `vcr init --claude-code` sets up Claude Code; for others use `vcr run -- AGENT`")
    root = Path(default_workspace(start_directory(args.workspace)))
    path = root / ".claude" / ("settings.local.json" if args.local else "settings.json")
    if args.remove:
        changed = hook_install.remove(path)
        screen.write(f"{'took the hooks out of' if changed else 'there were no hooks of ours in'} {path}\n")
        return 0
    changed = hook_install.install(path)
    screen.write(f"{'added hooks to' if changed else 'the hooks are already in'} {path}\n")
    if changed:
        screen.write(
            "  Claude Code now makes a savepoint around every tool call that can change files.\n"
            "  vcr log     what it did\n"
            "  vcr undo    take back the last call, what Bash did included\n"
            "  vcr commit  end the session, or  vcr abort  to put everything back\n"
        )
    return 0
