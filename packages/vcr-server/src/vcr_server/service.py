"""What the handlers share: one directory of recordings and everything that is kept about it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from starlette.requests import Request
from starlette.websockets import WebSocket

from vcr_core.player import VCRPlayer
from vcr_server.access import Access
from vcr_server.catalog import Catalog
from vcr_server.columns import ColumnCache
from vcr_server.hub import Hub
from vcr_server.jobs import Jobs
from vcr_server.notes import Notes
from vcr_server.player_pool import PlayerPool

T = TypeVar("T")


class Service:
    """One directory of recordings, served.

    Args:
        directory: Where the recordings lie.
        access: Who may ask.
        agents: Agents by name, each ``module:function``.
    """

    def __init__(self, directory: Path, access: Access, *, agents: dict[str, str] | None = None) -> None:
        self.directory = directory
        self.access = access
        self.agents = dict(agents or {})
        self.pool = PlayerPool(directory)
        self.catalog = Catalog(directory, self.pool)
        self.columns = ColumnCache()
        self.hub = Hub()
        self.notes = Notes(directory)
        self.jobs = Jobs(directory, self.agents, self.hub)

    @contextmanager
    def player(self, name: str, *, fresh: bool = True) -> Generator[VCRPlayer, None, None]:
        """Give the player of a session to this thread for the length of the block."""
        with self.pool.use(name, fresh=fresh) as player:
            yield player

    async def with_player(self, name: str, use: Callable[[VCRPlayer], T]) -> T:
        """Run a function on the player of a session, on another thread."""

        def run() -> T:
            with self.pool.use(name) as player:
                return use(player)

        return await asyncio.to_thread(run)

    async def close(self) -> None:
        """Stop what runs, keep what is worth keeping, close what is open."""
        await self.jobs.close()
        await asyncio.to_thread(self.catalog.save)
        self.pool.close()


def service_of(connection: Request | WebSocket) -> Service:
    """Return the service behind a request."""
    service: Service = connection.app.state.service
    return service
