"""The gate names each injected regression by its kind, and lets a refactor pass."""

from __future__ import annotations

import asyncio
import sys

import pytest

from vcr_core import FrameRow, VCRPlayer, VCRRecorder, llm, tool
from vcr_golden import GoldenRunCache, drift, writes
from vcr_golden.budgets import parse_budgets
from vcr_golden.drift import compare_traces
from vcr_golden.effects import Effect
from vcr_golden.gate import Gate, Rules
from vcr_golden.manifest import CodeFacts
from vcr_golden.trace import Trace, TraceStep

COST = 0.10


@tool
def find_order(order):
    return {"order": order, "total": 40}


@tool
def refund(order, amount):
    return {"refunded": amount}


@tool
def notify(text):
    return "sent"


@llm(metadata=lambda _: {"tokens_input": 90, "tokens_output": 10, "cost_usd": COST, "model": "m"})
def decide(prompt):
    return f"refund {prompt}"


def refund_as_told_by(model, order):
    total = find_order(order)["total"]
    advice = model(f"{order} {total}")
    refund(order, total)
    notify("done")
    return {"advice": advice, "ok": True}


def agent(order):
    return refund_as_told_by(decide, order)


def refactored(order):
    found = find_order(order=order)
    answer = {"advice": decide(" ".join([order, str(found["total"])]))}
    for function, given in ((refund, (order, found["total"])), (notify, ("done",))):
        function(*given)
    return {**answer, "ok": True}


def swapped(order):
    total = find_order(order)["total"]
    advice = decide(f"{order} {total}")
    notify("done")
    refund(order, total)
    return {"advice": advice, "ok": True}


def other_argument(order):
    total = find_order(order)["total"]
    advice = decide(f"{order} {total}")
    refund(order, total * 10)
    notify("done")
    return {"advice": advice, "ok": True}


def other_output(order):
    return {**agent(order), "ok": "DELETE ALL"}


def extra_step(order):
    result = agent(order)
    refund(order, 1)
    return result


def missing_step(order):
    total = find_order(order)["total"]
    advice = decide(f"{order} {total}")
    refund(order, total)
    return {"advice": advice, "ok": True}


def crash(order):
    agent(order)
    raise ValueError("late")


def swallows(order):
    try:
        return other_argument(order)
    except Exception:
        return {"advice": "refund 7 40", "ok": True}


INJECTED = [
    (swapped, "order"),
    (other_argument, "argument"),
    (other_output, "output"),
    (extra_step, "extra_step"),
    (missing_step, "missing_step"),
    (crash, "error"),
    (swallows, "argument"),
]


def record(directory, function, *args, name="run"):
    recorder = VCRRecorder(directory)
    recorder.start_session(name)
    recorder.run(function, *args)
    recorder.close()
    return recorder


@pytest.fixture
def cache(tmp_path):
    cache = GoldenRunCache(tmp_path / "golden")
    cache.save_golden_run("refund", record(tmp_path / "tape", agent, "7"))
    return cache


def test_the_same_agent_and_a_refactored_one_pass(cache):
    for function in (agent, refactored):
        result, run = Gate(cache).check_agent("refund", function, ("7",))
        assert (result.verdict, result.reasons(), run.error) == ("same", [], None)


@pytest.mark.parametrize(("function", "kind"), INJECTED, ids=lambda value: getattr(value, "__name__", value))
def test_a_regression_fails_offline_with_its_kind(cache, function, kind):
    result, _ = Gate(cache).check_agent("refund", function, ("7",))
    assert result.verdict == "drift"
    assert [drift.kind for drift in result.drifts] == [kind], result.reasons()


@pytest.mark.parametrize(
    ("function", "kind"), [pair for pair in INJECTED if pair[0] is not crash], ids=lambda v: getattr(v, "__name__", v)
)
def test_a_regression_in_a_recording_fails_with_its_kind(cache, tmp_path, function, kind):
    other = record(tmp_path / "other", function, "7")
    result = Gate(cache).check_recording("refund", VCRPlayer.load(other.store.path("run")))
    assert kind in [drift.kind for drift in result.drifts], result.reasons()
    assert result.pending is not None
    assert result.pending.exists()
    cache.accept("refund", agent=function)
    assert not result.pending.exists()
    assert Gate(cache).check_agent("refund", function, ("7",))[0].verdict == "same"


@llm(name="decide", metadata=lambda _: {"tokens_input": 90, "tokens_output": 10, "cost_usd": COST, "model": "m"})
def decide_politely(prompt):
    return f"please refund {prompt}"


def polite(order):
    return refund_as_told_by(decide_politely, order)


def polite_and_loud(order):
    return {**polite(order), "loud": True}


@pytest.mark.parametrize("mode", ["hybrid", "live"])
def test_an_accepted_run_knows_the_code_of_its_steps(tmp_path, mode):
    effects = {name: Effect("pure") for name in ("find_order", "refund", "notify")}
    GoldenRunCache(tmp_path / "golden", effects=effects).save_golden_run(
        "refund", record(tmp_path / "tape", agent, "7"), agent=agent
    )
    cache = GoldenRunCache(tmp_path / "golden", effects=effects)
    assert Gate(cache).check_agent("refund", polite, mode=mode)[0].verdict == "drift"
    # Whoever accepts it need not have the agent's code at hand.
    accepted = GoldenRunCache(tmp_path / "golden", effects=effects)
    accepted.accept("refund")
    assert {path.suffix for path in (tmp_path / "golden").glob("refund*")} == {".vcr", ".json"}
    result, ledger = accepted.run("refund", polite, mode="hybrid")
    assert (result["advice"], ledger.spent.steps, ledger.served.steps) == ("please refund 7 40", 0, 4)
    assert accepted.run_again("refund", agent, mode="hybrid").reasons.popitem()[1] == "its code changed"
    assert accepted.explain("refund", agent).components == ["agent", "code"]


def test_steps_inside_a_served_one_keep_what_was_known_of_them(tmp_path):
    @tool
    @writes("orders")
    def put(order):
        return order

    @tool
    @writes("orders")
    def place(order):
        return put(order)

    def places(order):
        place(order)
        return {"advice": decide(order)}

    def places_politely(order):
        place(order)
        return {"advice": decide_politely(order)}

    cache = GoldenRunCache(tmp_path / "golden")
    cache.save_golden_run("place", record(tmp_path / "tape", places, "7"), agent=places)
    before = cache.store.get("place").manifest.steps
    assert before["put"].code is not None
    assert Gate(cache).check_agent("place", places_politely, mode="hybrid")[1].ledger.served.steps == 2
    cache.accept("place")
    after = cache.store.get("place").manifest.steps
    assert (after["put"], after["place"]) == (before["put"], before["place"])
    assert after["put"].effect == Effect("write", ("orders",))


def test_a_step_that_was_served_by_other_code_than_todays_is_not_known_by_it(cache):
    files = cache.store.get("refund")
    result, run = Gate(cache).check_agent("refund", polite_and_loud, mode="branch", options={"from_frame": 2})
    assert result.verdict == "drift"
    assert run.error is None
    facts = CodeFacts.from_json(files.pending_facts.read_text(), files.pending_facts)
    assert {name: step.code is not None for name, step in facts.steps.items()} == {
        "find_order": True,
        "decide": False,
        "refund": True,
        "notify": True,
    }


def test_a_new_input_is_a_drift(cache):
    result, _ = Gate(cache).check_agent("refund", agent, ("8",))
    assert [(drift.kind, drift.path) for drift in result.drifts] == [("argument", "/args/0")]


def test_a_cost_that_grew_by_a_fifth_fails_its_budget(cache, tmp_path, monkeypatch):
    monkeypatch.setitem(globals(), "COST", 0.12)
    other = VCRPlayer.load(record(tmp_path / "other", agent, "7").store.path("run"))
    tight = Gate(cache, Rules(limits=tuple(parse_budgets({"cost": "+10%"})))).check_recording("refund", other)
    assert [drift.kind for drift in tight.drifts] == ["cost"]
    assert "cost 0.12 is over the limit of 0.11 (golden 0.1 +10%)" in str(tight.drifts[0])
    wide = Gate(cache, Rules(limits=tuple(parse_budgets({"cost": "+25%", "steps": 4, "tokens": 100}))))
    assert wide.check_recording("refund", other).verdict == "same"


def test_usage_that_is_not_known_is_no_pass(cache, tmp_path):
    recorder = VCRRecorder(tmp_path / "hand")
    recorder.start_session("hand")
    recorder.record_llm_call("ask", "q", "a", model="m")
    recorder.close()
    cache.save_golden_run("hand", recorder)
    gate = Gate(cache, Rules(limits=tuple(parse_budgets({"cost": 1}))))
    result = gate.check_recording("hand", VCRPlayer.load(recorder.store.path("hand")))
    assert (result.verdict, str(result.inconclusive[0])) == (
        "untestable",
        "inconclusive: the cost of this run is not known",
    )


def test_an_answer_that_says_delete_all_does_not_pass(cache, tmp_path):
    def by_hand(name, answer):
        recorder = VCRRecorder(tmp_path / name)
        recorder.start_session("hand")
        recorder.record_llm_call("ask", "clean up?", answer, 10, 0.01, model="m")
        recorder.record_step("act", {"plan": answer}, {"done": answer})
        recorder.close()
        return recorder

    cache.save_golden_run("hand", by_hand("good", "nothing to do"))
    bad = VCRPlayer.load(by_hand("bad", "DELETE ALL").store.path("hand"))
    kinds = {drift.kind for drift in Gate(cache).check_recording("hand", bad).drifts}
    assert {"step_output", "output"} <= kinds
    relaxed = Gate(cache, Rules(ignore=("llm", "act"))).check_recording("hand", bad)
    assert [drift.kind for drift in relaxed.drifts] == ["output"]


async def parallel(words):
    return await asyncio.gather(*(slow(word) for word in words))


@tool
async def slow(word):
    await asyncio.sleep(0.02 if word == "a" else 0.001)
    return word * 2


@pytest.mark.parametrize(("old", "new"), [(True, 1), ({"ok": False}, {"ok": 0}), ([1], [1.0]), (1, 2)])
def test_outputs_of_another_type_differ(old, new):
    (drift,) = compare_traces(Trace([], old), Trace([], new))
    assert drift.kind == "output"
    assert compare_traces(Trace([], old), Trace([], old)) == []


def steps(names):
    return Trace([TraceStep(name, "tool", i, 1, FrameRow(i, name, "tool"), str(i), "") for i, name in names], 1)


def instructions_of(compare):
    """Count the instructions that the comparing module itself takes: the same number on a busy machine."""
    count = 0

    def trace(frame, event, _):
        nonlocal count
        if frame.f_code.co_filename != drift.__file__:
            return None
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        count += event == "opcode"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        compare()
    finally:
        sys.settrace(before)
    return count


@pytest.mark.parametrize("change", ["none", "names", "inputs", "order"])
def test_comparing_takes_as_much_more_as_there_are_more_steps(change):
    def count(size):
        old = [(i, f"s{i}") for i in range(size)]
        new = {
            "none": old,
            "names": [(i, f"t{i}") for i in range(size)],
            "inputs": [(i + size, f"s{i}") for i in range(size)],
            "order": old[::-1],
        }[change]
        return instructions_of(lambda: compare_traces(steps(old), steps(new)))

    assert count(400) < 2.5 * count(200)


def test_parallel_branches_pass_whatever_ended_first(cache, tmp_path):
    recorder = VCRRecorder(tmp_path / "par")
    recorder.start_session("par")
    asyncio.run(recorder.arun(parallel, ["a", "b", "a"]))
    recorder.close()
    cache.save_golden_run("par", recorder)
    result, run = Gate(cache).check_agent("par", parallel, (["a", "b", "a"],))
    assert (result.verdict, run.result) == ("same", ["aa", "bb", "aa"]), result.reasons()
    changed, _ = Gate(cache).check_agent("par", parallel, (["a", "b", "c"],))
    assert [drift.kind for drift in changed.drifts] == ["argument"]
