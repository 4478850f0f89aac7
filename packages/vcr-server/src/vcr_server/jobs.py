"""Runs that were started from the browser: each a process of its own, with progress, log and cancel.

The new session appears on the map by itself, as every recording does. What a job runs is `vcr_server.job_process`.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time
from collections import OrderedDict
from pathlib import Path
from typing import Any, Literal

import msgspec

from vcr_server.errors import Problem
from vcr_server.hub import Hub
from vcr_server.job_process import Order, Outcome

MAX_RUNNING = 4
MAX_KEPT = 50
MAX_LOG = 64 << 10
GRACE_SECONDS = 2.0
POLL_SECONDS = 0.02
JobStatus = Literal["running", "done", "failed", "cancelled"]


class Job(msgspec.Struct):
    """One run, as JSON shows it.

    Attributes:
        id: Number of the job.
        session: The session it goes on from.
        agent: Name of the agent.
        mode: fork, replay or mock.
        new_session: The session it records; until it has `begun`, the name that was asked for.
        begun: True once `new_session` is what the run made: a name that was taken became another take of it.
        status: Where it stands.
        started_at: Seconds since the epoch.
        ended_at: Seconds since the epoch.
        error: What went wrong.
        log: The end of what the agent printed.
    """

    id: int
    session: str
    agent: str
    mode: str
    new_session: str
    begun: bool = False
    status: JobStatus = "running"
    started_at: float = 0.0
    ended_at: float | None = None
    error: str | None = None
    log: str = ""


class Jobs:
    """The runs of one server.

    Args:
        directory: Where the recordings lie.
        agents: ``module:function`` by name.
        hub: Who is told.
    """

    def __init__(self, directory: Path, agents: dict[str, str], hub: Hub) -> None:
        self._directory = directory
        self._agents = agents
        self._hub = hub
        self._jobs: OrderedDict[int, Job] = OrderedDict()
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._next = 1

    def list(self) -> list[Job]:
        """Return the jobs, newest first."""
        return list(reversed(self._jobs.values()))

    def get(self, number: int) -> Job:
        """Return a job.

        Raises:
            Problem: 404 if there is none.
        """
        if number not in self._jobs:
            raise Problem(404, "job-not-found", f"there is no job {number}")
        return self._jobs[number]

    def start(self, session: str, agent: str, config: dict[str, Any]) -> Job:
        """Start a run and return at once.

        Raises:
            Problem: 404 if the agent is not one of those named on the command line, 429 if too many are running.
        """
        if agent not in self._agents:
            known = ", ".join(self._agents) or "none; start the server with --agent name=module:function"
            raise Problem(404, "agent-not-found", f"there is no agent {agent[:64]!r}; there are: {known}")
        if len(self._tasks) >= MAX_RUNNING:
            raise Problem(429, "busy", f"{MAX_RUNNING} jobs are running; wait for one to end or cancel one")
        job = Job(self._next, session, agent, config["mode"], config["new_session_id"], started_at=time.time())
        self._next += 1
        self._jobs[job.id] = job
        for old in list(self._jobs):
            if len(self._jobs) > MAX_KEPT and old not in self._tasks:
                del self._jobs[old]
        order = Order(str(self._directory), session, self._agents[agent], config)
        self._tasks[job.id] = asyncio.create_task(self._run(job, order))
        self._tell(job)
        return job

    async def cancel(self, number: int) -> Job:
        """Stop a run; what it recorded stays. A job that has ended stays as it is."""
        job = self.get(number)
        task = self._tasks.get(number)
        if task is not None:
            task.cancel()
            await asyncio.wait({task}, timeout=2 * GRACE_SECONDS)
        return job

    async def close(self) -> None:
        """Stop all runs."""
        tasks = set(self._tasks.values())
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=GRACE_SECONDS)

    async def _run(self, job: Job, order: Order) -> None:
        try:
            outcome = await self._run_process(job, order)
            job.status = "failed" if outcome.error else "done"
            job.error = outcome.error
        except asyncio.CancelledError:
            job.status = "cancelled"
        except OSError as error:
            job.status, job.error = "failed", f"the agent's process cannot be started: {error}"
        finally:
            job.ended_at = time.time()
            self._tasks.pop(job.id, None)
            self._tell(job)

    async def _run_process(self, job: Job, order: Order) -> Outcome:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "vcr_server.job_process",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,  # the terminal's Ctrl-C is the server's, which then ends its jobs
        )
        assert process.stdin
        assert process.stdout
        assert process.stderr
        reading = asyncio.create_task(self._keep_log(job, process.stderr))
        try:
            process.stdin.write(msgspec.json.encode(order))
            process.stdin.close()
            outcome = await self._read_outcomes(job, process.stdout)
            code = await process.wait()
            await reading
        finally:
            await _end(process)
            reading.cancel()
        if not outcome.ended:
            return Outcome(error=f"the agent's process ended with status {code} and gave no answer; its log tells more")
        return outcome

    async def _read_outcomes(self, job: Job, stream: asyncio.StreamReader) -> Outcome:
        """Take in what the process tells until its end; return the last of it."""
        outcome, rest = Outcome(), b""
        while chunk := await stream.read(8192):
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                outcome = msgspec.json.decode(line, type=Outcome)
                if outcome.session and not job.begun:
                    job.new_session, job.begun = outcome.session, True
                    self._tell(job)
        return outcome

    @staticmethod
    async def _keep_log(job: Job, stream: asyncio.StreamReader) -> None:
        while chunk := await stream.read(8192):
            job.log = (job.log + chunk.decode("utf-8", "replace"))[-MAX_LOG:]

    def _tell(self, job: Job) -> None:
        shown = msgspec.to_builtins(job)
        shown["log"] = job.log[-2_000:]
        self._hub.tell_all({"type": "job", "job": shown})


async def _end(process: asyncio.subprocess.Process) -> None:
    """End a process that still runs: first politely, then not.

    Its status is looked at and not awaited: `Process.wait` also waits for the pipes, which an agent's own children may
    hold open.
    """
    for stop in (process.terminate, process.kill):
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                stop()
        for _ in range(round(GRACE_SECONDS / 2 / POLL_SECONDS)):
            if process.returncode is not None:
                return
            await asyncio.sleep(POLL_SECONDS)
