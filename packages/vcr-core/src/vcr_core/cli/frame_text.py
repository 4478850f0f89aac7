"""One line about a frame: what came in and out, or what it changed, read from its line without building its state."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import msgspec

from vcr_core.cli.screen import Cell, Style, count, duration, money, safe
from vcr_core.diff_render import preview
from vcr_core.errors import VcrError
from vcr_core.frames import CALLS
from vcr_core.json_pointer import kind_of, parse

if TYPE_CHECKING:
    from vcr_core.frames import FrameRow
    from vcr_core.player import VCRPlayer
    from vcr_core.wire_format import FrameStates

HEADERS = [">#", "kind", "step", "state", ">time", ">tokens", ">cost", "what"]
_SMALL_LINE = 16 << 10
_STYLES: dict[str, Style] = {"ok": "good", "error": "bad", "cancelled": "warn", "interrupt": "warn"}
_MARKS = {"ok": "✓", "error": "✗", "cancelled": "∅", "interrupt": "‖", "command": "→", "cached": "="}


def frame_cells(player: VCRPlayer, row: FrameRow) -> list[str]:
    """Return the cells of a frame's line in a table; see `HEADERS`."""
    origin = "" if row.origin == "live" else f" ({row.origin})"
    return [
        Cell(row.index, "dim"),
        Cell(row.kind),
        Cell(row.node_name, "bold"),
        Cell(f"{_MARKS.get(row.status, '?')} {row.status}{origin}", _STYLES.get(row.status, "plain")),
        duration(row.latency_ms),
        count(row.tokens),
        money(row.cost_usd),
        Cell(summarize_frame(player, row), "bad" if row.status == "error" else "dim"),
    ]


def summarize_frame(player: VCRPlayer, row: FrameRow) -> str:
    """Return what a frame did in a few words; never raises for what its line holds."""
    if row.error_type or row.error_message:
        return f"{row.error_type or 'error'}: {row.error_message or ''}"
    if row.kind == "checkpoint":
        return f"checkpoint {row.label}"
    try:
        states, _ = player.source.states(row.index)
        if states.tape is not None:
            return f"as frame {states.tape.frame} of {states.tape.session}"
        if row.kind in CALLS:
            return _call(states, row)
        return _changes(player, states, row)
    except (VcrError, msgspec.MsgspecError) as error:
        return str(error)


def _call(states: FrameStates, row: FrameRow) -> str:
    result = _member(states.output_state, "response", "result")
    patched = _new(states.output_patch or []) if states.output_state is msgspec.UNSET else None
    if row.kind == "llm":
        return patched or _message(result)
    arguments = _member(states.input_state, "args")
    shown = "" if arguments is None or arguments == {} else preview(arguments, limit=60)
    return f"{row.label or ''}({shown}) → {patched or preview(_plain_text(result), limit=100)}"


def _new(ops: list[dict[str, Any]]) -> str:
    """Return what is new in a result that is written as what differs from another one."""
    last = next((op for op in reversed(ops) if "value" in op), None)
    if last is None:
        return "(as before)"
    value = last["value"]
    return "… " + preview(value[last["cut"] :] if kind_of(value) is str and "cut" in last else value, limit=100)


def _member(state: Any, *names: str) -> Any:
    if kind_of(state) is dict:
        for name in names:
            if name in state:
                return state[name]
    return None if state is msgspec.UNSET else state


def _plain_text(value: Any) -> Any:
    """Return the text of a large leaf's place holder, so that a line says more than a hash."""
    if kind_of(value) is dict and value.get("$vcr") == "blob":
        return f"<{value.get('size')} bytes>"
    return value


def _message(response: Any) -> str:
    """Return the text of an answer, or the calls it asks for."""
    if kind_of(response) is not dict:
        return preview(_plain_text(response), limit=160)
    calls = response.get("tool_calls")
    asked = [_called(call) for call in calls] if kind_of(calls) is list else []
    content = response.get("content")
    said = [preview(content, limit=160)] if content else []
    return " ".join([*said, *asked]) or preview(response, limit=160)


def _called(call: Any) -> str:
    function: Any = call.get("function") if kind_of(call) is dict else None
    if kind_of(function) is not dict:
        return preview(call, limit=80)
    arguments = function.get("arguments")
    return safe(f"→ {function.get('name')}({arguments if isinstance(arguments, str) else json.dumps(arguments)})")


def _changes(player: VCRPlayer, states: FrameStates, row: FrameRow) -> str:
    """Return which members of the state a step changed."""
    if states.output_patch is not None:
        return _patched(states.output_patch)
    if len(player.raw_line(row.index)) > _SMALL_LINE:
        return "(a large state, written whole)"
    before, after = player.wire_state(row.index, "input"), states.output_state
    if kind_of(before) is not dict or kind_of(after) is not dict:
        return preview(after, limit=160)
    return _joined(list(_members(before, after)))


def _members(before: dict[str, Any], after: dict[str, Any], within: str = "") -> Iterator[str]:
    """Yield the members that were added, changed and removed; a changed dict by its own members."""
    for key, value in after.items():
        name = f"{within}{key}"
        if key not in before:
            yield f"+{name}"
        elif before[key] != value:
            old = before[key]
            inside = kind_of(old) is dict and kind_of(value) is dict and not within and "$vcr" not in value
            if inside:
                yield from _members(old, value, f"{name}.")
            elif kind_of(old) is list and kind_of(value) is list and value[: len(old)] == old:
                added = len(value) - len(old)
                yield f"+{name}" + (f" x{added}" if added > 1 else "")
            else:
                yield f"~{name}"
    yield from (f"-{within}{key}" for key in before if key not in after)


def _joined(parts: list[str]) -> str:
    return safe("  ".join(parts[:8])) + ("  …" if len(parts) > 8 else "") or "no change"


def _patched(ops: list[dict[str, Any]]) -> str:
    marks = {"add": "+", "remove": "-"}
    found: dict[str, int] = {}
    for op in ops:
        if op["op"] == "move":
            continue  # the result was made from an argument; what follows tells how
        tokens = parse(op["path"])
        name = marks.get(op["op"], "~") + ".".join(tokens[:3]).removesuffix(".-")
        found[name] = found.get(name, 0) + 1
    return _joined([name if number == 1 else f"{name} x{number}" for name, number in found.items()])
