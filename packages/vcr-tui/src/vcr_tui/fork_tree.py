"""The sessions of a directory as a tree of forks, for choosing one.  Pure."""

from __future__ import annotations

from typing import NamedTuple

from vcr_core.store import SessionSummary
from vcr_tui.cells import cut, duration, fit, printable, quantity, size
from vcr_tui.glyphs import Glyphs
from vcr_tui.pane_content import Fragments
from vcr_tui.viewport import Viewport


class Branch(NamedTuple):
    """One session in the tree.

    Attributes:
        session: What its first and last line say.
        depth: Forks between it and its root.
        last: For each level down to its own, whether it is the last fork there.
    """

    session: SessionSummary
    depth: int
    last: tuple[bool, ...]


def fork_tree(sessions: list[SessionSummary]) -> list[Branch]:
    """Return the sessions with each fork below its parent: roots newest first, forks in the order they were made.

    A fork whose parent is not there is a root, and so is one session of a circle, which only an edited file makes.
    """
    by_name: dict[str, SessionSummary] = {}
    for session in reversed(sessions):
        by_name[session.info.session_id] = session  # for parents whose first take is gone
    by_name.update((session.name, session) for session in sessions)
    children: dict[str, list[SessionSummary]] = {}
    roots: list[SessionSummary] = []
    for session in sessions:
        parent = by_name.get(session.info.parent_session_id or "")
        if parent is None or parent is session:
            roots.append(session)
        else:
            children.setdefault(parent.name, []).append(session)
    found: list[Branch] = []
    seen: set[str] = set()
    for root in [*roots, *sessions]:
        if root.name not in seen:
            _add(root, children, found, seen)
    return found


def _add(root: SessionSummary, children: dict[str, list[SessionSummary]], found: list[Branch], seen: set[str]) -> None:
    stack: list[tuple[SessionSummary, tuple[bool, ...]]] = [(root, ())]
    while stack:
        session, last = stack.pop()
        if session.name in seen:
            continue
        seen.add(session.name)
        found.append(Branch(session, len(last), last))
        forks = sorted(children.get(session.name, ()), key=lambda fork: (fork.info.created_at, fork.name))
        stack.extend((fork, (*last, at == len(forks) - 1)) for at, fork in reversed(list(enumerate(forks))))


class PickerLines:
    """The tree as lines for `LinesControl`, with a cursor.

    Args:
        branches: What `fork_tree` returned.
        glyphs: What the terminal can show.
        current: Name of the session that is open, or None.
    """

    def __init__(self, branches: list[Branch], glyphs: Glyphs, *, current: str | None = None) -> None:
        self.branches = branches
        self.viewport = Viewport()
        self._glyphs = glyphs
        self._current = current
        names = [branch.session.name for branch in branches]
        self._at = names.index(current) if current in names else 0

    @property
    def chosen(self) -> SessionSummary | None:
        """The session at the cursor."""
        return self.branches[self._at].session if self.branches else None

    def total(self) -> int:
        """Return the number of sessions."""
        return len(self.branches)

    def cursor(self) -> int:
        """Return the line of the cursor."""
        return self._at

    def cursor_style(self) -> str:
        """Return how the line of the cursor is marked."""
        return "class:cursor"

    def click(self, at: int) -> None:
        """Move the cursor to a line."""
        self._at = max(0, min(at, len(self.branches) - 1))

    def wheel(self, lines: int) -> None:
        """Move the cursor by lines."""
        self.click(self._at + lines)

    def line(self, at: int, width: int) -> Fragments:
        """Return a session's line: its place in the tree, when it was made, how long it is, how it ended."""
        branch, glyphs = self.branches[at], self._glyphs
        session = branch.session
        facts = self._facts(session)
        lead = "".join("   " if last else f"{glyphs.descent} " for last in branch.last[:-1])
        if branch.last:
            lead += f"{glyphs.last_child if branch.last[-1] else glyphs.child} "
        name = printable(session.name)
        if session.info.forked_from_frame is not None:
            place = f"@{session.info.forked_from_frame}"
            name = f"{glyphs.fork} {name}" + ("" if place in name else f" {place}")
        here = glyphs.cursor if at == self._at else (glyphs.opened if session.name == self._current else " ")
        used = sum(len(text) for _, text in facts)
        while facts and width - used < 28:
            used -= len(facts.pop(0)[1])
        head = cut(f"{lead}{name}", max(4, width - used - 3))
        style = "class:error" if session.problem else "class:name"
        return [("class:mark", f"{here} "), (style, fit(head, max(4, width - used - 2))), *facts]

    def _facts(self, session: SessionSummary) -> Fragments:
        if session.problem is not None:
            return [("class:error", f" {self._glyphs.status['error']} {cut(printable(session.problem), 60)}")]
        when = session.info.created_at[:16].replace("T", " ")
        end = session.end
        if end is None:
            return [
                ("class:dim", f"{when:>18}"),
                ("class:dim", f"{size(session.size):>11}"),
                ("class:other", "  … open  "),
            ]
        facts: Fragments = [
            ("class:dim", f"{when:>18}"),
            ("class:latency", f"{duration(end.latency_ms):>8}"),
            ("class:index", f"{quantity(end.frames):>7} fr"),
        ]
        failed = end.errors or end.status == "error"
        word = self._glyphs.status_text("error" if failed else "ok")
        count = f" {end.errors}" if end.errors else ""
        facts.append(("class:error" if failed else "class:ok", f"  {fit(word + count, 8)}"))
        return facts
