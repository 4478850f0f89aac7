"""What the keys do beyond looking: find, edit, resume, fork, files, copy."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

from vcr_tui.desk import Desk, OpenSession, Prompt
from vcr_tui.progress import Progress
from vcr_tui.searching import RunningSearch
from vcr_tui.session_view import Part
from vcr_tui.terminal import Terminal

T = TypeVar("T")
_PATIENCE = 0.03


class GoingOn:
    """Commands that do something with a frame: the one at the cursor when the key came, whatever is typed after it.

    Args:
        desk: What is changed.
        terminal: Where it is shown.
    """

    def __init__(self, desk: Desk, terminal: Terminal) -> None:
        self.desk = desk
        self.terminal = terminal
        self.last_search: RunningSearch | None = None

    @property
    def session(self) -> OpenSession | None:
        """The session that keys act on; None while one is chosen or the help is read."""
        return None if self.desk.picker is not None or self.desk.help_open else self.desk.session

    def _frame(self) -> OpenSession | None:
        """Return the session if it has a frame at the cursor; else say that there is none."""
        session = self.session
        if session is not None and not len(session.view):
            self.desk.say("there is no frame yet")
            return None
        return session

    # -- finding -----------------------------------------------------------------------------------------------------

    def search(self) -> None:
        """Ask what to look for."""
        if self._frame() is not None:
            self.terminal.ask(Prompt("/", "", self._start_search))

    def _start_search(self, text: str) -> None:
        session = self._frame()
        if session is None:
            return
        if self.last_search is not None:
            self.last_search.stop()
        search = self.last_search = RunningSearch(session.view, text, on_progress=self.desk.invalidate)
        search.wait(_PATIENCE)  # a small session is done by then, and no meter flickers
        self.terminal.start(self._show_search(search, session))

    async def _show_search(self, search: RunningSearch, session: OpenSession) -> None:
        self.desk.running = search.progress
        try:
            while True:
                ended = not search.running
                if search.arrive():
                    session.pane.look_for(search.search.accepts)
                    self.desk.invalidate()
                if ended:
                    break
                await asyncio.sleep(0.03)
        finally:
            if self.desk.running is search.progress:
                self.desk.running = None
        if self.desk.session is session and self.last_search is search:
            self.desk.say(search.describe())

    def next_match(self) -> None:
        """Go to the next frame found."""
        self._to_match(1)

    def previous_match(self) -> None:
        """Go to the last frame found before this one."""
        self._to_match(-1)

    def _to_match(self, direction: int) -> None:
        session, search = self._frame(), self.last_search
        if session is None:
            return
        if search is None or search.view is not session.view:
            self.desk.say("nothing was searched for yet; / begins a search")
            return
        if session.view.next_match(direction):
            search.arrived = True
            session.pane.look_for(search.search.accepts)
        self.desk.say(search.describe())

    # -- editing -----------------------------------------------------------------------------------------------------

    def edit(self) -> None:
        """Edit the state, or the input where that is shown."""
        session = self._frame()
        if session is not None:
            self.terminal.start(self._edit(session, (session.view.cursor, session.view.edited_part)))

    async def _edit(self, session: OpenSession, place: tuple[int, Part]) -> None:
        from vcr_tui.editor import edit_value  # noqa: PLC0415  # not before the first edit
        from vcr_tui.state_text import with_texts  # noqa: PLC0415

        view, builder = session.view, session.pane.builder
        recorded = await self._read(lambda: with_texts(builder.state(*place), builder.read_blob))
        value = view.edits.get(place, recorded)
        name = f"{view.name}-frame{place[0]}-{place[1]}"
        edited = await edit_value(value, name=name, run_program=self.terminal.run_program)
        part = "input" if place[1] == "input" else "state"
        if not edited.changed:
            self.desk.say("nothing was changed")
        elif edited.value == recorded and str(edited.value) == str(recorded):
            view.edits.pop(place, None)
            self.desk.say(f"the {part} of frame {place[0]} is as it was recorded")
        else:
            view.edits[place] = edited.value
            self.desk.say(f"edited the {part} of frame {place[0]}: r resumes with it, f forks, u drops it, d shows it")
        session.pane.edit_version += 1

    def undo_edit(self) -> None:
        """Drop the edits of this frame."""
        session = self._frame()
        if session is None:
            return
        view = session.view
        for part in ("input", "output"):
            view.edits.pop((view.cursor, part), None)
        session.pane.edit_version += 1
        self.desk.say(f"frame {view.cursor} is as it was recorded")

    # -- resuming and forking ----------------------------------------------------------------------------------------

    def resume(self) -> None:
        """Run the agent again from this frame; ask which agent if nobody knows."""
        session = self._frame()
        if session is None:
            return
        if self.desk.running is not None:
            self.desk.say("something is running already; Esc stops it")
            return
        from vcr_tui.resume_plan import recorded_agent  # noqa: PLC0415  # not before the first resume

        frame = session.view.cursor

        def begin(agent: str) -> None:
            self.desk.agent = agent.strip()
            self.terminal.start(self._resume(session, frame, agent.strip()))

        agent = self.desk.agent or recorded_agent(session.view.player)
        if agent is None:
            self.terminal.ask(Prompt("agent (module:function) ", "", begin))
        else:
            begin(agent)

    async def _resume(self, session: OpenSession, frame: int, agent: str) -> None:
        from vcr_tui.actions import Resume  # noqa: PLC0415  # looking at a run needs no engine
        from vcr_tui.resume_plan import plan_resume  # noqa: PLC0415

        view, builder = session.view, session.pane.builder
        plan = await self._read(lambda: plan_resume(view, builder, agent=agent, frame=frame))
        resume = Resume(plan, on_event=self.desk.invalidate)
        progress = Progress(
            lambda: (
                f"{plan.words}: {resume.last.steps} step{'' if resume.last.steps == 1 else 's'}"
                + (f" into {resume.last.session}" if resume.last.session else "")
            ),
            share=lambda: None,
            stop=resume.stop,
        )
        self.desk.running = progress
        try:
            event = await resume.run()
        except Exception:
            self.desk.agent = None  # asked for, or taken from the recording, anew
            raise
        finally:
            if self.desk.running is progress:
                self.desk.running = None
        self.desk.open_named(event.session, frame=plan.from_frame)
        steps = f"{event.live} step{'' if event.live == 1 else 's'} ran, {event.served} came from the tape"
        unused = f"; {event.unused[0]}" if event.unused else ""
        if event.error:
            self.desk.fail(f"the agent raised {event.error} ({steps})")
        else:
            self.desk.say(f"{steps}{unused}   p goes back to {view.name}")

    def fork(self) -> None:
        """Begin a new session that shares the frames up to this one, with the edit."""
        session = self._frame()
        if session is not None:
            self.terminal.start(self._fork(session, session.view.cursor))

    async def _fork(self, session: OpenSession, index: int) -> None:
        from vcr_tui.actions import fork_session  # noqa: PLC0415  # looking at a run needs no recorder

        view, builder = session.view, session.pane.builder
        part = "input" if (index, "input") in view.edits else "output"
        if (index, part) in view.edits:
            before = await self._read(lambda: builder.state(index, "input"))
            edit = (index, part, before, view.edits[index, part])  # type: ignore[index]  # part is one of the two
            name = await asyncio.to_thread(fork_session, view.path, index, edit=edit)  # type: ignore[arg-type]
        else:
            name = await asyncio.to_thread(fork_session, view.path, index + 1)
        self.desk.open_named(name, frame=index)
        self.desk.say(f"forked {view.name} at frame {index} into {name}   p goes back")

    # -- files and errors --------------------------------------------------------------------------------------------

    def show_files(self) -> None:
        """Show the diff of the files of a savepoint, or the state again."""
        session = self._frame()
        if session is None:
            return
        view, details = session.view, session.pane.details
        if view.pane == "files":
            view.pane = "state"
        elif details is None or details.savepoint is None:
            self.desk.say("no files were saved with this frame")
        else:
            view.pane = "files"

    def copy_error(self) -> None:
        """Copy the error of the frame, or the pointer of the row at the cursor."""
        from vcr_tui.error_report import error_markdown  # noqa: PLC0415  # not before the first copy

        session = self._frame()
        if session is None:
            return
        details = session.pane.details
        if details is not None and (details.error is not None or details.row.status == "error"):
            info = session.view.player.session
            self._copy(error_markdown(details, info, name=session.view.name), "the error, as Markdown")
            return
        pointer = session.pane.pointer()
        if pointer is None:
            self.desk.say("there is nothing to copy here")
        else:
            self._copy(pointer, pointer or "the root, an empty pointer")

    def _copy(self, text: str, what: str) -> None:
        from vcr_tui.clipboard import osc52, run_copy_commands  # noqa: PLC0415

        self.terminal.write_raw(osc52(text))
        taken = run_copy_commands(text)
        self.desk.say(f"copied {what}" + ("" if taken else " (if the terminal takes what it is sent)"))

    async def _read(self, work: Callable[[], T]) -> T:
        """Read states in the worker's thread."""
        return await asyncio.to_thread(self.desk.worker.submit(work).result)
