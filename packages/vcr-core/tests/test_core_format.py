"""The contract of ``docs/format.md``, checked by a reader that knows that page and nothing of our code."""

from __future__ import annotations

import copy
import hashlib
import json
from pathlib import Path

import msgspec
import pytest

from vcr_core import VCRPlayer, VCRRecorder
from vcr_core.frames import KINDS, STATUSES, FrameRow
from vcr_core.values import decode
from vcr_core.wire_format import FORMAT

PAGE = Path(__file__).parents[3] / "docs" / "format.md"


def follow(document, pointer):
    tokens = [token.replace("~1", "/").replace("~0", "~") for token in pointer.split("/")[1:]]
    for token in tokens[:-1]:
        document = document[int(token)] if isinstance(document, list) else document[token]
    return document, tokens[-1]


def patch(document, operations):
    """The three operations of RFC 6902 that a writer uses, in a few lines."""
    document = copy.deepcopy(document)
    for operation in operations:
        if operation["path"] == "":
            document = operation["value"]
            continue
        container, token = follow(document, operation["path"])
        if isinstance(container, list):
            place = len(container) if token == "-" else int(token)
            if operation["op"] == "remove":
                del container[place]
            elif operation["op"] == "add":
                container.insert(place, operation["value"])
            else:
                container[place] = operation["value"]
        elif operation["op"] == "remove":
            del container[token]
        else:
            container[token] = operation["value"]
    return document


class PlainReader:
    """A reader written from the page."""

    def __init__(self, path, key=b""):
        previous = b""
        self.frames = []
        for line in path.read_bytes().split(b"\n")[:-1]:
            body, _, rest = line.rpartition(b',"hash":"')
            digest = hashlib.blake2b(previous + body, digest_size=16, key=key).hexdigest()
            assert rest == digest.encode() + b'"}'
            previous = digest.encode()
            whole = json.loads(line)
            assert list(whole) == ["type", "data", "hash"]
            if whole["type"] == "frame":
                self.frames.append(whole["data"])
            self.last = whole

    def state(self, index, part):
        frame = self.frames[index]
        if part == "output":
            if "output_state" in frame:
                return frame["output_state"]
            return patch(self.state(index, "input"), frame["output_patch"])
        if "input_state" in frame:
            return frame["input_state"]
        return patch(self.state(frame["base"], frame.get("base_part", "output")), frame["input_patch"])


@pytest.mark.parametrize("key", [b"", b"a key of the project"])
@pytest.mark.parametrize("mode", [None, True, False])
def test_a_reader_written_from_the_page_reads_what_we_write(tmp_path, key, mode):
    with VCRRecorder(tmp_path, integrity_key=key, diff_mode=mode) as recorder:
        recorder.start_session("run", metadata={"é": (1, 2)})
        state = {"messages": [], "a/b~c": {"": [1, 2, 3]}, "plan": ("x", {1})}
        for n in range(60):
            before = {**state, "messages": list(state["messages"])}
            state["messages"].append({"role": "user", "content": f"message {n} \u2028 " * 8})
            if n % 20 == 19:
                state["messages"][3:6] = [{"changed": n}]
                state["a/b~c"][""].pop()
            recorder.record_step("step", before, state, {"n": n})
            recorder.record_llm_call("ask", list(state["messages"]), {"answer": n})
        path = recorder.path
    reader, player = PlainReader(path, key), VCRPlayer.load(path)
    assert len(reader.frames) == len(player.frames) == 120
    for index in range(120):
        assert reader.frames[index]["index"] == index
        for part in ("input", "output"):
            assert reader.state(index, part) == player.wire_state(index, part)
    assert reader.last["type"] == "end"
    assert reader.last["data"]["frames"] == 120
    if mode is None:
        assert any("base" in frame for frame in reader.frames), "patches were tested"


@pytest.fixture(scope="module")
def page():
    if not PAGE.exists():
        pytest.skip("docs/format.md is not part of an installed package")
    return PAGE.read_text()


def test_the_page_names_this_version_and_all_it_must(page):
    assert f"format **{FORMAT}**" in page
    for word in (*KINDS, *STATUSES, *decode._KINDS):
        assert f"`{word}`" in page, f"{word} is not on the page"


def test_every_field_that_the_page_gives_a_row_exists(page):
    table = page[page.index("### `frame`") : page.index("### States")]
    named = {
        name.strip("` ")
        for line in table.splitlines()
        if line.startswith("| `")
        for name in line.split("|")[1].split(",")
    }
    assert named - {"metadata", "error"} <= set(FrameRow.__struct_fields__)
    assert {"index", "node_name", "kind", "cost_usd", "label"} <= named


def test_the_small_fields_end_where_the_page_says(tmp_path):
    with VCRRecorder(tmp_path) as recorder:
        recorder.start_session("run")
        recorder.record_step('has ,"metadata": in its name', {}, {"x": ',"metadata":'}, {"a": 1}, latency_ms=2.0)
        path = recorder.path
    line = path.read_bytes().split(b"\n")[1]
    small = json.loads(line[: line.index(b',"metadata":')] + b"}}")["data"]
    assert list(small) == ["index", "node_name", "timestamp", "latency_ms"]
    assert msgspec.convert(small, FrameRow).node_name == 'has ,"metadata": in its name'
