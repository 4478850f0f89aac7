"""Secrets do not reach the disk by any way through the recorder: states, patches, blobs, rows, errors, indexes."""

from __future__ import annotations

import base64
import copy
import enum
import itertools
import json
import random
import string
import urllib.parse

import pytest

from vcr_core import FrameRow, RecordingError, RecordingWarning, VCRPlayer, VCRRecorder
from vcr_core.redaction import Redactor
from vcr_core.testing import samples
from vcr_core.testing.faults import FaultyOps


def made_up(prefix, length, seed):
    """A secret of a known shape; made at run time, so that no scanner finds one in this file."""
    rng = random.Random(seed)
    return prefix + "".join(rng.choice(string.ascii_letters + string.digits) for _ in range(length))


PASSWORD = made_up("Hx7", 13, 1)
TOKEN = made_up("sk-" + "ant-api03-", 60, 2)
VARIABLE = made_up("q9", 28, 3)


class Field(str, enum.Enum):
    PASSWORD = "password"
    USER = "user"


@pytest.fixture
def recorder(tmp_path, monkeypatch):
    monkeypatch.setenv("SERVICE_API_KEY", VARIABLE)
    with VCRRecorder(tmp_path) as made:
        made.start_session("run")
        yield made


def forms(secret):
    """What a secret looks like when it is written down in the usual codings."""
    raw = secret.encode()
    coded = base64.b64encode(raw).decode().rstrip("=")
    return [secret, coded, raw.hex(), json.dumps(secret)[1:-1], urllib.parse.quote(secret, safe="")]


def found_on_disk(recorder, *secrets):
    recorder.save()
    player = VCRPlayer.load(recorder.path)
    player.source.lines()[0].save(recorder.path)
    files = [path for path in recorder.store.directory.rglob("*") if path.is_file() and path.name != "key"]
    assert any(path.suffix == ".idx" for path in files)
    content = b"\n".join(path.read_bytes() for path in files)
    names = " ".join(path.name for path in files)
    # Bytes are written in base64, where a secret may begin at any bit; so what comes back is searched too.
    shown = repr([(frame.input_state, frame.output_state, frame.metadata, frame.error) for frame in player.frames])
    sought = [form for secret in secrets for form in forms(secret)]
    return [form for form in sought if form.encode() in content or form in names or form in shown]


PLACES = {
    "key": lambda s: {"password": s},
    "camel key": lambda s: {"config": {"apiKey": s}},
    "header": lambda s: {"headers": {"Authorization": f"Bearer {s}"}},
    "named pair": lambda s: {"headers": [{"name": "X-Api-Key", "value": s}]},
    "pair": lambda s: {"headers": [["authorization", s]]},
    "pair of another name": lambda s: {"headers": [["accept", "text/plain"], ["x-api-key", s]]},
    "pair of tuple": lambda s: {"headers": (("x-api-key", s),)},
    "list under key": lambda s: {"passwords": [s, "other" + s]},
    "dataclass": lambda s: {"it": samples.Plan({"password": s}, [{"name": "password", "value": s}])},
    "struct": lambda s: {"it": samples.Message("user", {"api_key": s})},
    "odd keys": lambda s: {"it": {1: {"password": s}, ("a",): "x"}},
    "set": lambda s: {"it": {f"password={s}"}},
    "text": lambda s: {"log": f"connecting with password={s} now"},
    "url": lambda s: {"dsn": f"postgres://user:{s}@host/db"},
    "json text": lambda s: {"body": json.dumps({"outer": json.dumps({"password": s})})},
    "bytes": lambda s: {"raw": f'{{"password": "{s}"}}'.encode()},
    "large text": lambda s: {"doc": "lorem ipsum " * 2000 + f' "password": "{s}" ' + "dolor " * 2000},
    "large bytes": lambda s: {"doc": b"lorem ipsum " * 2000 + f' "password": "{s}" '.encode() + b"dolor " * 2000},
    "key of dict": lambda s: {f"password={s}": 1},
    "key of dict in a pointer": lambda s: {"pages": {f"https://bob:{s}@host.example/~a": "one"}},
    "odd keys beside": lambda s: {"it": {1: "a", "password": s}},
    "list under key beside odd ones": lambda s: {"it": {None: 0, "api_keys": [s]}},
    "enum key": lambda s: {"it": {Field.PASSWORD: s, Field.USER: "bob"}},
    "named value beside odd keys": lambda s: {"it": {1: 0, "name": "password", "value": s}},
    "bytes key": lambda s: {"it": {b"x-api-key": s.encode(), b"accept": b"text/plain"}},
    "pair of bytes": lambda s: {"headers": [(b"accept", b"text/plain"), (b"x-api-key", s.encode())]},
    "object under key": lambda s: {"credentials": samples.Plan(s, [])},
    "large text under key": lambda s: {"cookies": s * 1500},
    "large text below a key": lambda s: {"credentials": {"parts": [{"it": s * 1500}]}},
    "large bytes under key": lambda s: {"client_secret": (s * 1500).encode()},
    "large text in a pair": lambda s: {"headers": [["cookie", s * 1500]]},
    "large text beside odd keys": lambda s: {"it": {1: "a", "password": s * 1500}},
    "beside a schema": lambda s: {"password": {"value": s}},
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("size", [0, 5000], ids=["small", "patched"])
def test_no_secret_is_written_from_any_place_of_a_state(recorder, place, size):
    fill = "lorem ipsum " * (size // 12)
    first = {"fill": fill, "n": 0}
    second = {**PLACES[place](PASSWORD), "fill": fill, "n": 1}
    third = {**copy.deepcopy(second), "n": 2}
    recorder.record_step("a", first, second)
    recorder.record_step("b", second, third)
    recorder.record_llm_call("c", second, third)
    recorder.record_tool_call("d", "tool", second, third, metadata=PLACES[place](PASSWORD))
    assert found_on_disk(recorder, PASSWORD) == []
    player = VCRPlayer.load(recorder.path)
    assert [player.goto_frame(index)["n"] for index in range(2)] == [1, 2]


@pytest.mark.parametrize("place", PLACES)
def test_the_search_itself_finds_what_is_there(tmp_path, place):
    with VCRRecorder(tmp_path, redact=False) as recorder:
        recorder.start_session("run")
        recorder.record_step("a", {}, PLACES[place](PASSWORD))
        assert PASSWORD in found_on_disk(recorder, PASSWORD)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("mode", [None, True, False])
def test_no_secret_is_written_when_only_the_secret_changes(tmp_path, place, mode):
    secrets = [made_up("Hx7", 13, seed) for seed in range(10, 16)]
    with VCRRecorder(tmp_path, diff_mode=mode) as recorder:
        recorder.start_session("run")
        fill = ["lorem ipsum " * 200, "dolor " * 300]
        state = {"fill": list(fill), **PLACES[place]("")}
        for secret in secrets:
            before = copy.deepcopy(state)
            _put(state, PLACES[place](secret))
            state["fill"].append("sit amet")
            recorder.record_step("a", before, state)
        assert found_on_disk(recorder, *secrets) == []


KEPT = {
    "none": {},
    "key": {"api_key": TOKEN},
    "key within": {"config": {"password": PASSWORD}},
    "named pair": {"headers": [{"name": "authorization", "value": f"Bearer {TOKEN}"}]},
}
SAID = {
    "text": lambda n: {"role": "user", "content": "lorem ipsum " * 80},
    "text with a secret": lambda n: {"role": "user", "content": "lorem ipsum " * 80 + f"password={PASSWORD}"},
    "arguments with a secret": lambda n: {"role": "tool", "args": {"n": n, "password": PASSWORD, "x": "lorem " * 160}},
    "object with a secret": lambda n: samples.Message("user", {"api_key": TOKEN, "n": n, "x": "lorem " * 160}),
}


@pytest.mark.parametrize("kept", KEPT)
@pytest.mark.parametrize("said", SAID)
def test_secrets_in_a_growing_history_do_not_make_it_grow_faster(recorder, kept, said):
    said = SAID[said]
    for n in range(60):
        before = {**KEPT[kept], "messages": [said(k) for k in range(n)]}
        recorder.record_step("a", before, {**before, "messages": [*before["messages"], said(n)]})
    assert found_on_disk(recorder, PASSWORD, TOKEN) == []
    assert recorder.path.stat().st_size < 2 * 60 * 1000
    assert len(VCRPlayer.load(recorder.path).goto_frame(-1)["messages"]) == 60


@pytest.mark.parametrize("secret", [TOKEN, VARIABLE, f"password={PASSWORD}"], ids=["token", "variable", "named"])
@pytest.mark.parametrize("length", [300, 20_000])
@pytest.mark.parametrize("how", ["state", "argument"])
def test_a_secret_that_comes_in_pieces_into_a_growing_text_is_not_written(recorder, secret, length, how):
    text = "lorem ipsum " * (length // 12)
    for piece in [*(secret[at : at + 5] for at in range(0, len(secret), 5)), " and more", " text " * 100]:
        if how == "state":
            recorder.record_step("a", {"log": text}, {"log": text + piece})
        else:
            recorder.record_llm_call("a", {"prompt": text}, text + piece)
        text += piece
    assert found_on_disk(recorder, secret.removeprefix("password=")) == []
    assert text[: length // 2] in str(VCRPlayer.load(recorder.path).goto_frame(-1))


@pytest.mark.parametrize("pieces", [["abc", TOKEN], ["pass", "word=", PASSWORD], [TOKEN[:30], TOKEN[30:], " so"]])
def test_a_growing_text_reads_back_as_if_it_were_written_whole(tmp_path, pieces):
    found = []
    for mode in (None, False):
        text = "lorem ipsum " * 300
        with VCRRecorder(tmp_path, diff_mode=mode) as recorder:
            recorder.start_session("run")
            for piece in pieces:
                recorder.record_step("a", {"log": text}, {"log": text + piece})
                text += piece
        player = VCRPlayer.load_by_id("run", tmp_path)
        found.append([player.goto_frame(index) for index in range(len(pieces))])
    assert found[0] == found[1]


def test_what_was_no_secret_beside_a_key_that_goes_is_redacted_then(recorder):
    """A token of a language model's stream is no secret, and is known by its ``logprob``."""
    fill = ["lorem ipsum " * 300]
    with_logprob = {"fill": fill, "token": PASSWORD, "logprob": -0.1, "n": 0}
    recorder.record_step("a", {}, with_logprob)
    without = {key: value for key, value in with_logprob.items() if key != "logprob"}
    recorder.record_step("b", with_logprob, without)
    player = VCRPlayer.load(recorder.path)
    assert player.goto_frame(0)["token"] == PASSWORD
    assert player.goto_frame(1)["token"].startswith("[REDACTED:")


def _put(state, new):
    """Change a state in place, down to the leaves, so that patches are small."""
    for key, item in new.items():
        old = state.get(key)
        if isinstance(item, dict) and isinstance(old, dict):
            _put(old, item)
        elif isinstance(item, list) and isinstance(old, list):
            for place, one in enumerate(item):
                if place < len(old) and isinstance(one, dict) and isinstance(old[place], dict):
                    _put(old[place], one)
                elif place < len(old) and isinstance(one, list) and isinstance(old[place], list):
                    old[place][:] = one
                else:
                    old[place:] = item[place:]
        else:
            state[key] = item


def test_a_part_that_was_clean_is_looked_at_again_when_it_changes(recorder):
    state = {"a": "clean text", "b": {"c": "clean"}, "d": [1]}
    recorder.record_step("a", state, {**state, "n": 1})
    state["b"]["c"] = f"password={PASSWORD}"
    recorder.record_step("b", state, {**state, "d": [1, f"token: {TOKEN}"]})
    recorder.record_step("c", {**state, "name": "password", "value": "x"}, {"name": "password", "value": PASSWORD})
    recorder.record_step("d", {"name": "who", "value": PASSWORD[::-1]}, {"name": "password", "value": PASSWORD})
    assert found_on_disk(recorder, PASSWORD, TOKEN) == []


def test_values_of_secret_variables_are_found_anywhere(recorder):
    state = {"log": [f"calling with {VARIABLE}"], "coded": base64.b64encode(VARIABLE.encode()).decode()}
    recorder.record_step("a", {}, state)
    state["log"].append({"url": f"https://x/?k={urllib.parse.quote(VARIABLE)}"})
    recorder.record_step("b", {}, state)
    assert found_on_disk(recorder, VARIABLE) == []


def test_names_labels_errors_and_other_lines_hold_no_secret(recorder):
    say = f"failed with token={TOKEN}"
    try:
        try:
            raise ValueError(say)
        except ValueError as inner:
            raise RuntimeError(say) from inner
    except RuntimeError as error:
        error.__notes__ = [say]
        recorder.record_error(say, {"e": error}, error)
        recorder.record_tool_call("a", say, {}, None, error=error)
    recorder.record_tool_call("a", "t", {}, None, error=say)
    recorder.record_checkpoint({}, say)
    recorder.record_step("a", {}, {}, {"model": say, "error_message": say, "note": say, say: 1})
    recorder.record_frame(FrameRow(-1, "k", key=say, parent=say), {}, {}, extra={"more": say})
    recorder.writer.write_line("begin", {"key": say})
    recorder.start_session("second", tags=[say], metadata={"password": PASSWORD, "say": say}, agent=say)
    recorder.record_step("a", {}, {})
    assert found_on_disk(recorder, TOKEN, PASSWORD) == []


@pytest.mark.parametrize("cut", range(1, len(VARIABLE)))
def test_a_secret_is_not_written_in_part_where_a_text_is_cut(recorder, cut):
    say = "x" * (499 - cut) + f" {VARIABLE} refused"
    recorder.record_error("a", {"client": type("Client", (), {"__repr__": lambda self: say})()}, RuntimeError(say))
    recorder.record_tool_call("a", "t", {}, None, error=say)
    recorder.save()
    assert cut < 4 or VARIABLE[:cut].encode() not in recorder.path.read_bytes()
    assert all(400 < len(row.error_message) <= 500 for row in VCRPlayer.load(recorder.path).rows)


def test_a_large_value_is_put_aside_although_another_one_is_secret(recorder):
    big = "lorem ipsum " * 2000
    recorder.record_step("a", {}, {"password": PASSWORD * 1500, "doc": big})
    recorder.save()
    assert big.encode() not in recorder.path.read_bytes()
    assert found_on_disk(recorder, PASSWORD) == []
    assert VCRPlayer.load(recorder.path).goto_frame(0)["doc"] == big


def test_a_state_whose_keys_hold_secrets_reads_back_when_it_changes(recorder):
    pages = {f"https://site{n}.example/": "text " * 30 for n in range(40)}
    url = f"https://bob:{PASSWORD}@host.example/x"
    states = [{"pages": {**pages, **more}} for more in ({url: "one"}, {url: "two"}, {url: "two", "n": "x"}, {"n": "x"})]
    for before, after in itertools.pairwise(states):
        recorder.record_step("a", before, after)
    assert found_on_disk(recorder, PASSWORD) == []
    player = VCRPlayer.load(recorder.path)
    read = [list(player.goto_frame(n)["pages"].values()) for n in range(3)]
    assert read == [list(state["pages"].values()) for state in states[1:]]


def test_a_result_does_not_lean_on_an_argument_whose_name_holds_a_secret(recorder):
    history = ["text " * 100] * 20
    given = {f"https://bob:{PASSWORD}@host.example/x": history}
    recorder.record_frame(FrameRow(-1, "a", "tool"), given, [*history, "more"], style="call")
    assert found_on_disk(recorder, PASSWORD) == []
    assert VCRPlayer.load(recorder.path).goto_frame(0)[-1] == "more"


def test_frames_that_waited_for_the_disk_hold_no_secret(tmp_path):
    ops = FaultyOps()
    with VCRRecorder(tmp_path, file_ops=ops) as recorder:
        recorder.start_session("run")
        ops.fill(room=80)
        with pytest.warns(RecordingWarning):
            recorder.record_step("a", {"password": PASSWORD}, {"text": f"token {TOKEN} " * 2000})
        with pytest.raises(RecordingError):
            recorder.save()
        ops.heal()
        assert found_on_disk(recorder, PASSWORD, TOKEN) == []


def test_placeholders_keep_equality_across_frames_and_sessions(tmp_path):
    found = []
    for name in ("one", "two"):
        with VCRRecorder(tmp_path) as recorder:
            recorder.start_session(name)
            recorder.record_step("a", {"api_key": TOKEN}, {"text": f"use {TOKEN}"})
        player = VCRPlayer.load_by_id(name, tmp_path)
        placeholder = player.get_input_state(0)["api_key"]
        assert player.goto_frame(0)["text"] == f"use {placeholder}"
        found.append(placeholder)
    assert found[0] == found[1]
    assert found[0].startswith("[REDACTED:")


def test_what_is_recorded_is_what_the_redactor_says(tmp_path):
    redactor = Redactor(key=b"k" * 32, env={})
    rng = random.Random(5)
    with VCRRecorder(tmp_path, redactor=redactor) as recorder:
        recorder.start_session("run")
        state = {"messages": [], "headers": [{"name": "Authorization", "value": "Bearer abc" + PASSWORD}]}
        expected = []
        for n in range(120):
            before = copy.deepcopy(state)
            kind = rng.randrange(5)
            text = f"{n} " + "word " * rng.randrange(60) + (f"password={PASSWORD}{n}" if kind == 0 else "")
            state["messages"].append({"content": text, "api_key": PASSWORD} if kind == 1 else {"content": text})
            if kind == 2:
                state["headers"][0]["value"] = f"Bearer {PASSWORD}{n}"
            recorder.record_step("a", before, state)
            expected.append((redactor.redact_tree(before), redactor.redact_tree(copy.deepcopy(state))))
        path = recorder.path
    player = VCRPlayer.load(path)
    for index, (before, after) in enumerate(expected):
        assert player.get_input_state(index) == before
        assert player.goto_frame(index) == after


def test_the_agents_own_values_are_never_changed(recorder):
    state = {
        "password": PASSWORD,
        "headers": [{"name": "Authorization", "value": TOKEN}],
        "doc": f"password={PASSWORD}" * 900,
    }
    before = copy.deepcopy(state)
    frame = recorder.record_step("a", state, state)
    assert state == before
    assert frame.output_state is state


def test_redaction_can_be_switched_off(tmp_path):
    with VCRRecorder(tmp_path, redact=False) as recorder:
        recorder.start_session("run")
        recorder.record_step("a", {}, {"password": PASSWORD})
        path = recorder.path
    assert VCRPlayer.load(path).goto_frame(0) == {"password": PASSWORD}
    assert not (tmp_path / "key").exists()


@pytest.mark.parametrize("field", ["node_name", "model", "label", "error_type", "error_message", "key", "parent"])
@pytest.mark.parametrize("also", [{}, {"tokens": 3, "cost_usd": 0.5}, {"key": "0:a#1", "parent": "0:b#1"}])
def test_a_row_is_looked_at_although_ones_like_it_were_harmless(recorder, field, also):
    def row(**fields):
        return FrameRow(-1, **{"node_name": "a", "status": "error", "latency_ms": 1.5, **also, **fields})

    for harmless in ("one", "two", "one"):
        recorder.record_frame(row(), {}, {})
        recorder.record_frame(row(**{field: harmless}), {}, {})
    for said in (TOKEN, f"failed with {TOKEN}", f"0:a#7|{VARIABLE}:b"):
        recorder.record_frame(row(**{field: said}), {}, {})
    assert not found_on_disk(recorder, TOKEN, VARIABLE)
