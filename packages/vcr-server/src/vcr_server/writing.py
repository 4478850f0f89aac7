"""The handlers that make something new: forks, runs, notes. A recording that is there is never changed."""

from __future__ import annotations

import asyncio
from typing import Any, Literal, cast

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from vcr_core.json_patch import apply
from vcr_core.player import VCRPlayer
from vcr_core.recorder import VCRRecorder
from vcr_core.session_ids import check_session_id, new_session_id
from vcr_server.answers import json_answer
from vcr_server.errors import Problem
from vcr_server.notes import MAX_TEXT, Note
from vcr_server.parameters import MAX_INDEX, body_as, session_name, whole_number
from vcr_server.service import Service, service_of

Changes = dict[str, Any] | list[dict[str, Any]]


class ForkOrder(msgspec.Struct, forbid_unknown_fields=True):
    """A fork that is not run: the frames before `from_frame`, and the changed state there.

    Attributes:
        from_frame: The cut, before this frame; the number of frames means the end.
        state_overrides: Changes to the state at the cut: values by name, or a JSON patch.
        new_session_id: Name of the new session; made up if None.
        tags: Its tags.
    """

    from_frame: int
    state_overrides: Changes = {}
    new_session_id: str | None = None
    tags: list[str] = []


class ResumeOrder(msgspec.Struct, forbid_unknown_fields=True):
    """A run from a recording; the fields are those of `vcr_core.ResumeConfig`, and the agent's name.

    Attributes:
        agent: Name of an agent of the command line.
        from_frame: The cut: an index, a checkpoint's label or a step's key; None for the end.
        mode: fork, replay or mock.
        state_overrides: Changes to the input of the step at the cut: values by name, or a JSON patch.
        inject_mocks: Values by name or key of a step.
        output_overrides: Replaces outputs of earlier steps, by index, name or key; typed values are tagged.
        skip_nodes: Names of steps that are not run.
        live: Steps that run live in mode mock.
        new_session_id: Name of the new session; made up if None.
        tags: Its tags.
    """

    agent: str
    from_frame: int | str | None = None
    mode: Literal["fork", "replay", "mock"] = "fork"
    state_overrides: Changes = {}
    inject_mocks: dict[str, Any] = {}
    output_overrides: dict[str, Any] = {}
    skip_nodes: list[str] = []
    live: list[str] = []
    new_session_id: str | None = None
    tags: list[str] = []


class NoteOrder(msgspec.Struct, forbid_unknown_fields=True):
    """A note on a frame; an empty text without bookmark takes it away."""

    frame: int
    text: str = ""
    bookmark: bool = False


async def post_fork(request: Request) -> Response:
    """Make a fork that holds the frames before the cut and the changed state."""
    service = service_of(request)
    name = session_name(request)
    order = await body_as(request, ForkOrder)
    new = await asyncio.to_thread(make_fork, service, name, order)
    return json_answer({"session": new}, 201, headers={"location": f"/api/sessions/{new}"})


def make_fork(service: Service, name: str, order: ForkOrder) -> str:
    """Make a fork on disk and return its name.

    Raises:
        Problem: 404 if there is no such cut, 422 if the changes cannot be applied.
    """
    with service.player(name) as player:
        frames = len(player)
        if not 0 <= order.from_frame <= frames or not frames:
            raise Problem(404, "frame-not-found", f"from_frame is {order.from_frame}; {name} has {frames} frames")
        state = changed_state(player, order.from_frame, order.state_overrides)
    wanted = check_session_id(order.new_session_id) if order.new_session_id else new_session_id()
    with VCRRecorder(service.directory) as recorder:
        recorder.start_session(wanted, parent_session_id=name, forked_from_frame=order.from_frame, tags=order.tags)
        recorder.share_frames(name, order.from_frame)
        recorder.record_checkpoint(state, "fork", metadata={"changes": order.state_overrides})
        path = recorder.save()
    return path.stem


def changed_state(player: VCRPlayer, cut: int, changes: Changes) -> Any:
    """Return the state before a frame, or after the last one, with changes applied as a run from there applies them.

    A patch is of the state as the API gives it, where typed values are tagged, and its values are restored with it.

    Raises:
        Problem: 422 if `changes` are values by name and the state has no names.
        JsonPatchError: If a patch does not fit.
    """
    wire = player.wire_state(cut, "input") if cut < len(player) else player.wire_state(cut - 1)
    if isinstance(changes, list):
        return player.decode(apply(wire, changes))
    state = player.decode(wire)
    if not changes:
        return state
    if not isinstance(state, dict):
        raise Problem(422, "changes", "the state is no object, so it takes a JSON patch and no values by name")
    return {**cast("dict[str, Any]", state), **changes}


async def post_resume(request: Request) -> Response:
    """Start a run from a recording."""
    service = service_of(request)
    name = session_name(request)
    order = await body_as(request, ResumeOrder)
    frames = await service.with_player(name, len)
    if isinstance(order.from_frame, int) and not 0 <= order.from_frame <= frames:
        raise Problem(404, "frame-not-found", f"from_frame is {order.from_frame}; {name} has {frames} frames")
    config = msgspec.to_builtins(order)
    del config["agent"]
    config["new_session_id"] = check_session_id(order.new_session_id) if order.new_session_id else new_session_id()
    job = service.jobs.start(name, order.agent, config)
    return json_answer(job, 202, headers={"location": f"/api/jobs/{job.id}"})


async def get_agents(request: Request) -> Response:
    """Return the names of the agents that may be run."""
    return json_answer({"agents": list(service_of(request).agents)})


async def get_jobs(request: Request) -> Response:
    """Return the runs that were started from here, newest first."""
    return json_answer({"jobs": service_of(request).jobs.list()})


async def get_job(request: Request) -> Response:
    """Return one run."""
    return json_answer(_progress(service_of(request), _job_number(request)))


async def delete_job(request: Request) -> Response:
    """Stop a run; what it recorded stays."""
    service = service_of(request)
    await service.jobs.cancel(_job_number(request))
    return json_answer(_progress(service, _job_number(request)))


def _job_number(request: Request) -> int:
    return whole_number("job", request.path_params["job"], low=1)


def _progress(service: Service, number: int) -> dict[str, Any]:
    job = service.jobs.get(number)
    digest = service.catalog.get(job.new_session) if job.begun else None  # the name may be another session's until then
    shown: dict[str, Any] = msgspec.to_builtins(job)
    return shown | {"frames": digest.frames if digest else 0}


async def get_notes(request: Request) -> Response:
    """Return the notes and bookmarks of a session."""
    service = service_of(request)
    name = session_name(request)
    service.pool.path(name)
    return json_answer({"notes": await asyncio.to_thread(service.notes.read, name)})


async def post_note(request: Request) -> Response:
    """Put a note or a bookmark on a frame, or take it away."""
    service = service_of(request)
    name = session_name(request)
    order = await body_as(request, NoteOrder)
    frames = await service.with_player(name, len)
    if not 0 <= order.frame < min(frames, MAX_INDEX):
        raise Problem(404, "frame-not-found", f"{name} has {frames} frames and no frame {order.frame}")
    if len(order.text) > MAX_TEXT:
        raise Problem(400, "text", f"a note holds at most {MAX_TEXT} characters")
    await asyncio.to_thread(service.notes.write, name, Note(order.frame, order.text, order.bookmark))
    notes = await asyncio.to_thread(service.notes.read, name)
    service.hub.tell_all({"type": "notes", "session": name})
    return json_answer({"notes": notes}, 201)


async def post_code(request: Request) -> Response:
    """Return a new login code; only the bearer token asks for one, a browser has no use for it."""
    if "authorization" not in request.headers:
        raise Problem(403, "bearer-only", "a login code is given to the holder of the bearer token only")
    return json_answer({"code": service_of(request).access.new_code()}, 201)
