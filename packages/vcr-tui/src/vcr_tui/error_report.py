"""An error as Markdown, to paste into an issue or a chat.  Pure."""

from __future__ import annotations

from vcr_core.frames import SessionInfo
from vcr_tui.cells import duration
from vcr_tui.chrome import error_title
from vcr_tui.content_builder import FrameDetails


def error_markdown(details: FrameDetails, info: SessionInfo, *, name: str) -> str:
    """Return heading, facts and traceback of the error of a frame."""
    row, error = details.row, details.error
    lines = [
        f"### {error_title(row, error)}",
        "",
        f"- step: `{row.node_name}` (frame {details.frame} of `{name}`)",
        f"- when: {row.timestamp or 'unknown'}, after {duration(row.latency_ms)}",
    ]
    if row.model:
        lines.append(f"- model: `{row.model}`")
    if info.agent:
        lines.append(f"- agent: `{info.agent}`")
    if error is not None:
        lines += [f"- note: {note}" for note in error.notes]
        cause = error.cause
        while cause is not None:
            lines.append(f"- caused by: `{cause.type}: {cause.message}`")
            cause = cause.cause
        if error.traceback:
            fence = "```"
            while fence in error.traceback:
                fence += "`"
            lines += ["", f"{fence}text", error.traceback.rstrip(), fence]
    return "\n".join(lines) + "\n"
