"""The player goes to any step, lazily, and hands out values of the caller's own."""

from __future__ import annotations

import pickle
import sys

import msgspec
import pytest

from vcr_core import Tagged, VCRPlayer, VCRRecorder
from vcr_core.lazy_sequence import FrameIndexError
from vcr_core.line_index import index_path
from vcr_core.session_file import DamagedFrameError
from vcr_core.state_reader import MissingStateError
from vcr_core.store import SessionNotFoundError
from vcr_core.testing import samples
from vcr_core.wire_format import FormatError, seal


@pytest.fixture
def player(tmp_path):
    with VCRRecorder(tmp_path) as recorder:
        recorder.start_session("run", tags=["t"])
        state = {"plan": {"steps": ["a", "b"], "done": False}, "n": 0}
        for n in range(6):
            after = {"plan": {**state["plan"], "done": n > 3}, "n": n + 1}
            name = "plan" if n % 2 else "act"
            recorder.record_step(name, state, after, {"tokens_used": n, "cost_usd": 0.1}, latency_ms=1.5)
            state = after
    made = VCRPlayer.load_by_id("run", tmp_path)
    yield made
    made.close()


def test_frames_are_a_sequence(player):
    assert len(player.frames) == len(player) == 6
    assert [frame.index for frame in player.frames] == list(range(6))
    assert player.frames[-1].output_state["n"] == 6
    assert [frame.index for frame in player.frames[1:5:2]] == [1, 3]
    assert [row.node_name for row in player.rows] == ["act", "plan"] * 3
    assert player.list_nodes() == ["act", "plan"]


@pytest.mark.parametrize("index", [6, 100, -7])
def test_a_frame_that_is_not_there_is_told(player, index):
    for look in (
        player.goto_frame,
        player.get_frame,
        player.get_input_state,
        player.frames.__getitem__,
        player.raw_line,
    ):
        with pytest.raises(FrameIndexError, match=f"has no frame {index}; it has frames 0 to 5") as caught:
            look(index)
    assert isinstance(caught.value, IndexError)
    assert pickle.loads(pickle.dumps(caught.value)).frames == 6


def test_a_value_that_is_handed_out_is_the_callers_own(player):
    for look in (player.goto_frame, player.get_input_state, player.wire_state):
        look(2)["plan"]["steps"].append("changed")
        assert look(2)["plan"]["steps"] == ["a", "b"]


def test_totals_are_those_of_the_frames(player):
    assert player.get_total_latency() == 9.0
    assert player.get_total_tokens() == 15
    assert player.get_total_cost() == 0.6, "a hundred cents are a dollar"
    assert str(player.get_exact_cost()) == "0.6"


def test_an_unknown_cost_is_unknown(tmp_path):
    with VCRRecorder(tmp_path) as recorder:
        recorder.start_session("run")
        recorder.record_step("a", {}, {})
    player = VCRPlayer.load_by_id("run", tmp_path)
    assert (player.get_total_cost(), player.get_exact_cost(), player.get_total_tokens()) == (None, None, 0)


def test_frames_are_compared_by_content(player):
    found = player.compare_frames(0, 5)
    assert set(found) == {"added", "removed", "modified"}
    assert found["modified"]["/n"] == {"old": 1, "new": 6}
    assert found["modified"]["/plan/done"] == {"old": False, "new": True}
    assert player.compare_frames(3, 3) == {"added": {}, "removed": {}, "modified": {}}


def test_everything_is_available_as_json(player):
    whole = player.to_dict()
    assert msgspec.json.decode(msgspec.json.encode(whole)) == whole
    assert whole["frames"][2]["output_state"]["n"] == 3


def test_types_come_back_where_the_reader_allows_them(tmp_path):
    with VCRRecorder(tmp_path) as recorder:
        recorder.start_session("run")
        recorder.record_step("a", {}, {"plan": samples.Plan("g", [1]), "at": (1, 2)})
        path = recorder.path
    closed = VCRPlayer.load(path)
    assert isinstance(closed.goto_frame(0)["plan"], Tagged)
    assert closed.goto_frame(0)["plan"].value == {"goal": "g", "steps": [1]}
    assert closed.goto_frame(0)["at"] == (1, 2)
    opened = VCRPlayer.load(path, allow=["vcr_core.testing.samples:Plan"])
    assert opened.goto_frame(0)["plan"] == samples.Plan("g", [1])


def test_opening_decodes_the_first_line_only(tmp_path, monkeypatch):
    with VCRRecorder(tmp_path) as recorder:
        recorder.start_session("run")
        for n in range(3000):
            recorder.record_step("a", {"n": n}, {"n": n + 1, "text": "x" * 100})
        path = recorder.path
    import vcr_core.session_file

    decoded = []
    real = vcr_core.session_file.decode_line
    monkeypatch.setattr(vcr_core.session_file, "decode_line", lambda line: decoded.append(line) or real(line))
    player = VCRPlayer.load(path)
    assert len(player) == 3000
    assert len(decoded) == 1
    assert index_path(path).exists(), "a long file keeps an index"
    again = VCRPlayer.load(path)
    assert again.goto_frame(2999)["n"] == 3000
    with VCRRecorder(tmp_path) as recorder:
        recorder.attach("run")
        recorder.record_step("b", {}, {"n": -1})
    assert VCRPlayer.load(path).goto_frame(-1) == {"n": -1}
    assert VCRPlayer.load(path).verify().ok


def test_a_session_that_is_not_there_is_told_with_what_is(player, tmp_path):
    with pytest.raises(SessionNotFoundError, match=r"no session 'walk'.*There are: run"):
        VCRPlayer.load_by_id("walk", tmp_path)
    with pytest.raises(FileNotFoundError):
        VCRPlayer.load(tmp_path / "walk.vcr")


NO_RECORDINGS = [
    *(b"", b"\n", b"garbage\n", b"{}\n", b"\x00" * 100, b"[1,2]\n", b"\xff\xfe\n"),
    *(b'{"type":"frame","data":{}}\n', b'{"type":"session"}\n', b'{"type":"session","data":' + b"[" * 100_000 + b"\n"),
    b'{"type":"session","data":{"session_id":5},"hash":"' + b"0" * 32 + b'"}\n',
]


@pytest.mark.parametrize("content", NO_RECORDINGS, ids=range(len(NO_RECORDINGS)))
def test_what_is_no_recording_is_told(tmp_path, content):
    path = tmp_path / "run.vcr"
    path.write_bytes(content)
    with pytest.raises(FormatError, match=r"run\.vcr"):
        VCRPlayer.load(path)


def forge(path, *frames):
    """Write a recording with frames of one's own making, properly sealed."""
    bodies = [b'{"type":"session","data":{"session_id":"run","format":"2.0"}']
    bodies += [
        b'{"type":"frame","data":{"index":%d,"node_name":"a","metadata":{},%b}' % pair for pair in enumerate(frames)
    ]
    previous, lines = "", []
    for body in bodies:
        line, previous = seal(body, previous)
        lines.append(line)
    path.write_bytes(b"".join(lines))
    return VCRPlayer.load(path)


DEEP = b"[" * 400 + b"1" + b"]" * 400
DEEPER = b"[" * 200_000 + b"]" * 200_000
WHOLE = b'"input_state":{"a":[1]},"output_patch":[]'


@pytest.mark.parametrize(
    "frame",
    [
        b'"base":5,"input_patch":[],"output_patch":[]',
        b'"base":1,"input_patch":[],"output_patch":[]',
        b'"base":-1,"input_patch":[],"output_patch":[]',
        b'"input_patch":[],"output_patch":[]',
        b'"base":0,"input_patch":[{"op":"add","path":"/b/c/d","value":1}],"output_patch":[]',
        b'"base":0,"input_patch":[{"op":"remove","path":"/z"}],"output_patch":[]',
        b'"base":0,"input_patch":[{"op":"explode","path":"/a"}],"output_patch":[]',
        b'"base":0,"input_patch":[{"path":"/a"}],"output_patch":[]',
        b'"base":0,"input_patch":[{"op":"add","path":5,"value":1}],"output_patch":[]',
        b'"base":0,"input_patch":[{"op":"add","path":"/a/x/-","value":1}],"output_patch":[]',
        b'"base":0,"input_patch":[{"op":"add","path":"/a/0/-","value":1}],"output_patch":[]',
        b'"base":0,"input_patch":[5],"output_patch":[]',
        b'"base":0,"input_patch":5,"output_patch":[]',
        b'"base":"0","input_patch":[],"output_patch":[]',
        b'"tape":{"session":"../x","frame":0}',
        b'"tape":{"session":"nowhere","frame":0}',
        b'"tape":{"session":"run","frame":1}',
        b'"tape":{"session":"run","frame":99}',
        b'"output_state":' + DEEPER,
    ],
    ids=range(19),
)
def test_a_hostile_frame_is_an_error_of_ours_and_leaves_the_others(tmp_path, frame):
    player = forge(tmp_path / "run.vcr", WHOLE, frame, WHOLE)
    from vcr_core import VcrError

    with pytest.raises(VcrError):
        player.goto_frame(1)
    with pytest.raises(VcrError):
        player.get_frame(1)
    assert player.goto_frame(0) == player.goto_frame(2) == {"a": [1]}


def test_a_deep_state_of_another_writer_is_read_or_told(tmp_path):
    player = forge(tmp_path / "run.vcr", b'"input_state":{},"output_state":' + DEEP, WHOLE)
    try:
        assert isinstance(player.goto_frame(0), list)
    except (DamagedFrameError, MissingStateError) as error:
        assert "frame 0" in str(error)  # noqa: PT017  # either is right; it depends on the interpreter's stack
    assert player.goto_frame(1) == {"a": [1]}


HOSTILE = [
    b'{"$vcr":"%b","type":"subprocess:Popen","v":{"args":["touch","PWNED"]},"args":[["touch","PWNED"]],"name":"x"}'
    % kind
    for kind in (b"namedtuple", b"struct", b"dataclass", b"exception", b"object", b"pydantic", b"enum")
]


@pytest.mark.parametrize("allow", [(), ("subprocess:*", "os:*"), (samples.Plan,)], ids=["none", "modules", "class"])
def test_loading_a_hostile_file_runs_and_imports_nothing(tmp_path, monkeypatch, allow):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "evil_module.py").write_text("open('PWNED', 'w')")
    monkeypatch.syspath_prepend(tmp_path)
    states = [b'"input_state":{},"output_state":{"x":%b}' % wire for wire in HOSTILE]
    states.append(b'"input_state":{},"output_state":{"x":{"$vcr":"dataclass","type":"evil_module:Boom","v":{}}}')
    path = tmp_path / "run.vcr"
    forge(path, *states).close()
    player = VCRPlayer.load(path, allow=allow)
    for frame in player.frames:
        assert isinstance(frame.output_state["x"], Tagged)
    player.to_dict()
    player.verify()
    list(player.rows)
    assert not (tmp_path / "PWNED").exists()
    assert "evil_module" not in sys.modules


def test_a_frame_served_from_a_tape_shows_the_metadata_of_its_recording(tmp_path):
    with VCRRecorder(tmp_path) as recorder:
        recorder.start_session("parent")
        recorder.record_step("a", {}, {"n": 1}, {"seed": 7})
        recorder.record_error("b", {"n": 1}, ValueError("no"))
        with recorder.fork(2, session_id="child") as child, child.fork(2, session_id="grandchild") as grandchild:
            frames = VCRPlayer.load(grandchild.path).frames
            assert frames[0].metadata.custom == {"seed": 7}
            assert frames[1].error is not None
            assert frames[1].error.message == "no"
