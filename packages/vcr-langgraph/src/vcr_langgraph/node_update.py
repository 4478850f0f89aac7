"""What a node returned, written beside the state it led to, and made again from both.

A node's return value often *is* the new value of a channel (a history returned whole), which stands in the recorded
state after the node already.  Such a key is only named (``same``), so that a recording grows with what is new.
"""

# LangGraph ships no stubs and leaves most of its type parameters open; mypy, which reads its annotations, stays strict.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false, reportMissingTypeArgument=false

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from langgraph.types import Command, Send

State = Mapping[str, Any]
_ABSENT: Any = object()


def describe_update(update: Any, after: State) -> dict[str, Any]:
    """Return the recorded form of a node's return value; `after` is the state it led to."""
    if update is None:
        return {"form": "none"}
    if isinstance(update, Command):
        return {"form": "command", **_describe_command(update, after)}
    if isinstance(update, dict):
        return _describe_dict({"form": "dict"}, update, after)
    if isinstance(update, (list, tuple)) and any(isinstance(item, Command) for item in update):
        return {"form": "list", "items": [describe_update(item, after) for item in update]}
    return {"form": "value", "value": update}


def _describe_dict(described: dict[str, Any], update: dict[Any, Any], after: State) -> dict[str, Any]:
    same: list[Any] = []
    rest: dict[Any, Any] = {}
    for key, value in update.items():
        if after.get(key, _ABSENT) is value:
            same.append(key)
        else:
            rest[key] = value
    described["same"] = same
    if rest:
        described["rest"] = rest
    return described


def _describe_command(command: Command[Any], after: State) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if command.graph is not None:
        found["graph"] = command.graph
    if command.resume is not None:
        found["resume"] = command.resume
    if command.goto:
        found["goto"] = describe_goto(command.goto)
    if isinstance(command.update, dict):
        found["update"] = _describe_dict({}, command.update, after)
    elif command.update is not None:
        found["value"] = command.update
    return found


def describe_goto(goto: Any) -> Any:
    """Return the targets of a command, a `Send` as a dict."""
    if isinstance(goto, Send):
        described = {"node": goto.node, "arg": goto.arg}
        timeout = getattr(goto, "timeout", None)
        return described if timeout is None else {**described, "timeout": timeout}
    if isinstance(goto, (list, tuple)):
        return [describe_goto(item) for item in goto]
    return goto


def restore_update(described: Mapping[str, Any], after: State) -> Any:
    """Return what the node returned, from its recorded form and the recorded state after it."""
    form = described["form"]
    if form == "none":
        return None
    if form == "dict":
        return _restore_dict(described, after)
    if form == "command":
        return _restore_command(described, after)
    if form == "list":
        return [restore_update(item, after) for item in described["items"]]
    return described["value"]


def _restore_dict(described: Mapping[str, Any], after: State) -> dict[str, Any]:
    return {**{key: after[key] for key in described.get("same", ())}, **described.get("rest", {})}


def _restore_command(described: Mapping[str, Any], after: State) -> Command[Any]:
    update = _restore_dict(described["update"], after) if "update" in described else described.get("value")
    return Command(
        graph=described.get("graph"),
        update=update,
        resume=described.get("resume"),
        goto=restore_goto(described.get("goto", ())),
    )


def restore_goto(goto: Any) -> Any:
    """Return the targets of a command from their recorded form."""
    if isinstance(goto, dict):
        options = {"timeout": goto["timeout"]} if "timeout" in goto else {}
        return Send(goto["node"], goto["arg"], **options)
    if isinstance(goto, list):
        return [restore_goto(item) for item in goto]
    return goto
