"""A directory of recordings, the application over it, and the server as a process."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest

from vcr_server.access import Access
from vcr_server.app import build_app
from vcr_server.service import Service
from vcr_server.testing import TOKEN, RunningServer, record_runs

PORT = 8765


@pytest.fixture
def recordings(tmp_path: Path) -> Path:
    record_runs(tmp_path / "vcr")
    return tmp_path / "vcr"


@pytest.fixture
def service(recordings: Path) -> Iterator[Service]:
    service = Service(recordings, Access(PORT, TOKEN), agents={"tea": "tea_agent:run"})
    service.catalog.refresh()
    yield service
    service.pool.close()


@pytest.fixture
async def client(service: Service) -> AsyncIterator[httpx.AsyncClient]:
    app = build_app(service, [f"127.0.0.1:{PORT}"])
    headers = {"authorization": f"Bearer {TOKEN}"}
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url=f"http://127.0.0.1:{PORT}", headers=headers) as client:
        yield client


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    folder = tmp_path_factory.mktemp("served")
    record_runs(folder / "vcr")
    server = RunningServer(folder / "vcr")
    yield server
    server.close()
