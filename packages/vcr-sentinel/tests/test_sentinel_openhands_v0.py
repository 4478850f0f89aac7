"""The V0 event stream: created, replaced and written files are checked, and the warning reaches other subscribers."""

from __future__ import annotations

import time

import pytest

from vcr_sentinel import Sentinel

stream_module = pytest.importorskip(
    "openhands.events.stream", reason="openhands-ai: `nox -f packages/vcr-sentinel/noxfile.py -s openhands_v0`"
)

BODY = """def hash_password(password, salt):
    data = password.encode() + salt
    for _ in range(1000):
        data = sha256(data).digest()
    return data.hex()
"""


@pytest.fixture
def seen(tmp_path):
    from openhands.events.stream import EventStream, EventStreamSubscriber
    from openhands.storage.memory import InMemoryFileStore

    (tmp_path / "utils.py").write_text(f"from hashlib import sha256\n\n\n{BODY}")
    stream = EventStream("s1", InMemoryFileStore({}))
    warnings: list[str] = []
    stream.subscribe(
        EventStreamSubscriber.TEST,
        lambda event: warnings.append(event.content) if "SENTINEL" in str(getattr(event, "content", "")) else None,
        "t",
    )
    sentinel = Sentinel(root=tmp_path, slow_lane="off", persist=False)
    sentinel.attach(stream)
    yield stream, warnings, tmp_path
    stream.close()
    sentinel.close()


def _wait(warnings, count):
    deadline = time.monotonic() + 10
    while len(warnings) < count and time.monotonic() < deadline:
        time.sleep(0.05)
    return warnings


def test_create_str_replace_and_write_reach_a_subscriber(seen):
    from openhands.events.action import FileEditAction, FileWriteAction
    from openhands.events.event import EventSource
    from openhands.events.observation import FileEditObservation

    stream, warnings, root = seen
    copy = f"from hashlib import sha256\n\n\n{BODY}"
    stream.add_event(FileEditAction(path=str(root / "a.py"), command="create", file_text=copy), EventSource.AGENT)
    assert "VS101 a.py:4" in _wait(warnings, 1)[0]
    stream.add_event(
        FileEditAction(
            path=str(root / "a.py"), command="str_replace", old_str=BODY, new_str="from utils import nope\n"
        ),
        EventSource.AGENT,
    )
    assert "VS301 a.py:4" in _wait(warnings, 2)[1]
    stream.add_event(FileWriteAction(path=str(root / "b.py"), content=copy), EventSource.AGENT)
    assert "VS101 b.py:4" in _wait(warnings, 3)[2]
    observed = FileEditObservation(
        content="", path=str(root / "c.py"), prev_exist=False, old_content="", new_content="def f(:\n"
    )
    stream.add_event(observed, EventSource.ENVIRONMENT)
    assert "VS001 c.py:1" in _wait(warnings, 4)[3]
