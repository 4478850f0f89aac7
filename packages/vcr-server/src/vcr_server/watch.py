"""Sees what is recorded, by any process, and tells the clients.

Recorders know nothing of the server: the files are the truth. The operating system's notices tell of changes at once;
sessions that somebody follows are looked at every second besides, and the directory every five, because some file
systems give no notices, and none are given while they are being set up.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterable
from functools import partial
from pathlib import Path

from watchfiles import awatch  # pyright: ignore[reportUnknownVariableType]  # one argument of it is untyped

from vcr_core.errors import VcrError
from vcr_core.frames import FrameRow
from vcr_core.player import VCRPlayer
from vcr_core.session_ids import SUFFIX
from vcr_server.catalog import is_session_name
from vcr_server.digest import SessionDigest, is_same_recording
from vcr_server.service import Service

DEBOUNCE_MS = 50
STEP_MS = 10
LOOK_SECONDS = 1.0
FULL_LOOK_EVERY = 5
WAIT_FOR_DIRECTORY = 1.0
SAVE_SECONDS = 30.0
MAX_ROWS = 500
_LOG = logging.getLogger("vcr_server")


class Watch:
    """Keeps the catalog up to date and the clients informed.

    Args:
        service: What is served.
        slow_seconds: How often followed sessions are looked at without a notice.
    """

    def __init__(self, service: Service, *, slow_seconds: float = LOOK_SECONDS) -> None:
        self._service = service
        self._slow_seconds = slow_seconds
        self._sent: dict[str, int] = {}
        self._stop = asyncio.Event()

    async def run(self) -> None:
        """Watch until `stop` is called."""
        await self._look_at_all()
        await asyncio.to_thread(self._service.catalog.save)
        jobs = [asyncio.create_task(work) for work in (self._notices(), self._slow_looks(), self._saves())]
        try:
            await asyncio.gather(*jobs)
        finally:
            for job in jobs:
                job.cancel()

    def stop(self) -> None:
        """Let `run` return."""
        self._stop.set()

    async def _notices(self) -> None:
        directory = self._service.directory
        while not self._stop.is_set():
            if not directory.is_dir():
                await self._pause(WAIT_FOR_DIRECTORY)
                continue
            await self._look_at_all()  # what came between the last look and the first notice
            try:
                async for names in self._changed_names(directory):
                    await self._look_at(names)
            except (OSError, RuntimeError) as error:  # the directory went away, or no notices are left to give
                _LOG.warning("watching %s failed, looking every second instead: %s", directory, error)
                await self._pause(WAIT_FOR_DIRECTORY)

    async def _changed_names(self, directory: Path) -> AsyncIterator[set[str]]:
        changes = awatch(
            directory,
            debounce=DEBOUNCE_MS,
            step=STEP_MS,
            stop_event=self._stop,
            recursive=False,
            watch_filter=lambda _, path: path.endswith(SUFFIX),
        )
        async for batch in changes:
            yield {Path(path).name.removesuffix(SUFFIX) for _, path in batch}
            if not directory.is_dir():
                return

    async def _slow_looks(self) -> None:
        looks = 0
        while await self._pause(self._slow_seconds):
            if looks % FULL_LOOK_EVERY == 0:  # the first one sees what came while the notices were being set up
                await self._look_at_all()
            elif followed := self._service.hub.followed():
                await self._look_at(followed)
            looks += 1

    async def _saves(self) -> None:
        while await self._pause(SAVE_SECONDS):
            await asyncio.to_thread(self._service.catalog.save)

    async def _pause(self, seconds: float) -> bool:
        try:
            await asyncio.wait_for(self._stop.wait(), seconds)
        except asyncio.TimeoutError:
            return True
        return False

    async def _look_at_all(self) -> None:
        before = {digest.name: digest for digest in self._service.catalog.digests()}
        changed, gone = await asyncio.to_thread(self._service.catalog.refresh)
        for name in gone:
            self._tell_gone(name)
        await self._tell({name: before.get(name) for name in changed})

    async def _look_at(self, names: Iterable[str]) -> None:
        changed: dict[str, SessionDigest | None] = {}
        for name in names:
            if not is_session_name(name):
                continue
            known = self._service.catalog.get(name)
            answer = await asyncio.to_thread(self._service.catalog.refresh_one, name)
            if answer is None:
                self._tell_gone(name)
            elif answer:
                changed[name] = known
        await self._tell(changed)

    def _tell_gone(self, name: str) -> None:
        self._service.hub.tell_all({"type": "gone", "session": name})
        self._sent.pop(name, None)

    async def _tell(self, changed: dict[str, SessionDigest | None]) -> None:
        """Tell the clients of sessions that changed; each comes with what was known of it before."""
        hub, catalog = self._service.hub, self._service.catalog
        if not hub.mailboxes:
            self._sent.clear()
            return
        followed = hub.followed()
        for name, before in changed.items():
            digest = catalog.get(name)
            if digest is None:
                continue
            replaced = before is not None and _is_replaced(before, digest)
            if replaced:
                self._tell_gone(name)
            hub.tell_all({"type": "session", "session": catalog.public(digest)})
            if replaced:
                hub.tell_subscribers(name, {"type": "gap", "session": name})
            if replaced or name not in followed:
                self._sent[name] = digest.frames
            else:
                await self._tell_frames(name, self._sent.get(name, before.frames if before else 0))

    async def _tell_frames(self, name: str, first: int) -> None:
        while True:
            try:
                rows = await self._service.with_player(name, partial(read_rows, first=first))
            except (VcrError, OSError):
                return  # the file went away or turned unreadable; its digest says so
            if not rows:
                return
            self._service.hub.tell_subscribers(name, {"type": "frames", "session": name, "from": first, "rows": rows})
            first += len(rows)
            self._sent[name] = first


def _is_replaced(before: SessionDigest, now: SessionDigest) -> bool:
    """Tell whether frames that clients may hold are of another recording, or are not there any more."""
    return before.frames > now.frames or (before.frames > 0 and not is_same_recording(before, now))


def read_rows(player: VCRPlayer, *, first: int) -> list[FrameRow]:
    """Return the rows from one on, a bounded number of them."""
    return list(player.rows[first : first + MAX_ROWS])
