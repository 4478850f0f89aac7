"""HYBRID re-runs what changed and what depends on it, no more and no less."""

from __future__ import annotations

import asyncio
import os
import random

import pytest

from vcr_core import VCRRecorder, llm, step, tool
from vcr_golden import GoldenRunCache, IrreversibleStepError, irreversible, pure, reads, writes

ROUNDS = 500 if os.environ.get("VCR_FULL") else 40
STEPS = 20


class Dag:
    """Random steps; each takes the outputs of some before it, and some read or write resources of a small world."""

    def __init__(self, rng, *, with_world):
        self.inputs = [sorted(rng.sample(range(i), min(i, rng.randint(0, 3)))) for i in range(STEPS)]
        self.salts = [rng.randrange(1000) for _ in range(STEPS)]
        self.moduli = [rng.choice([2, 3, 10_000]) for _ in range(STEPS)]  # a small one makes early cutoffs
        kinds = ["pure", "read", "write"] if with_world else ["pure"]
        self.kinds = [rng.choice(kinds) for _ in range(STEPS)]
        self.resources = [f"r:{rng.randrange(3)}" for _ in range(STEPS)]

    def changed(self, rng):
        other = Dag.__new__(Dag)
        other.__dict__.update(self.__dict__)
        other.salts = list(self.salts)
        for index in rng.sample(range(STEPS), rng.randint(0, 3)):
            other.salts[index] += rng.randint(1, 3)
        return other

    def agent(self, world, ran):
        functions = [self.function(i, world, ran) for i in range(STEPS)]

        def run_dag():
            outputs = []
            for i, function in enumerate(functions):
                outputs.append(function(given=[outputs[j] for j in self.inputs[i]]))
            return outputs

        return run_dag

    def function(self, i, world, ran):
        salt, modulus, kind, resource = self.salts[i], self.moduli[i], self.kinds[i], self.resources[i]

        def body(given):
            ran.append(i)
            seen = 0 if kind == "pure" else world.get(resource, 0)
            value = (sum(given) * 31 + salt + seen * 7) % modulus
            if kind == "write":
                world[resource] = seen * 3 + sum(given) + salt
            return value

        declare = {"pure": pure, "read": reads(resource), "write": writes(resource)}[kind]
        return tool(f"step{i}")(declare(body))

    def simulate(self):
        """Return, in plain Python, input, output and the history of the own resource for each step."""
        world, outputs, history, facts = {}, [], {}, []
        for i in range(STEPS):
            given = tuple(outputs[j] for j in self.inputs[i])
            resource, kind = self.resources[i], self.kinds[i]
            before = tuple(history.get(resource, ())) if kind != "pure" else ()
            seen = 0 if kind == "pure" else world.get(resource, 0)
            outputs.append((sum(given) * 31 + self.salts[i] + seen * 7) % self.moduli[i])
            if kind == "write":
                world[resource] = seen * 3 + sum(given) + self.salts[i]
                history.setdefault(resource, []).append((i, self.salts[i], given))
            facts.append((self.salts[i], given, before))
        return facts, outputs

    def minimum(self, old):
        """Return the steps that have to run: those that are not what they were, and the writes those stand on."""
        mine, theirs = self.simulate()[0], old.simulate()[0]
        must = {i for i in range(STEPS) if mine[i] != theirs[i]}
        for i in sorted(must):
            if self.kinds[i] != "pure":
                must |= {j for j in range(i) if self.kinds[j] == "write" and self.resources[j] == self.resources[i]}
        return must


@pytest.mark.slow
@pytest.mark.parametrize("with_world", [False, True])
def test_random_dags_rerun_the_minimum_and_give_what_a_full_run_gives(tmp_path, with_world):
    rng = random.Random(7)
    served = 0
    for number in range(ROUNDS // 2):
        old = Dag(rng, with_world=with_world)
        new = old.changed(rng)
        recorder = VCRRecorder(tmp_path / "tape")
        recorder.start_session(f"dag{number}")
        agent = old.agent({}, [])
        recorder.run(agent)
        recorder.close()
        cache = GoldenRunCache(tmp_path / "golden")
        cache.save_golden_run(f"dag {number}", recorder, agent=agent)

        ran = []
        result, ledger = cache.run(f"dag {number}", new.agent({}, ran), mode="hybrid")

        assert result == new.simulate()[1], number
        assert sorted(ran) == sorted(new.minimum(old)), number
        served += ledger.served.steps
    assert served > 0


def save(cache, tmp_path, agent, *args):
    recorder = VCRRecorder(tmp_path / "tape")
    recorder.start_session("run")
    result = recorder.run(agent, *args)
    recorder.close()
    cache.save_golden_run("task", recorder, agent=agent)
    return result


@pytest.fixture
def cache(tmp_path):
    return GoldenRunCache(tmp_path / "golden")


def test_a_new_input_reruns_only_what_it_reaches(cache, tmp_path):
    ran = []

    @step
    def shout(text):
        ran.append("shout")
        return text.upper()

    @step
    def rules():
        ran.append("rules")
        return "be kind"

    @llm(metadata=lambda _: {"tokens": 5, "cost_usd": 0.07, "model": "m"})
    def answer(prompt):
        ran.append("answer")
        return prompt + "!"

    def agent(text):
        return answer(f"{rules()} {shout(text)}")

    save(cache, tmp_path, agent, "hi")
    ran.clear()
    result, ledger = cache.run("task", agent, "ho", mode="hybrid")
    assert (result, ran) == ("be kind HO!", ["shout", "answer"])
    assert str(ledger.spent.cost_usd) == "0.07"

    ran.clear()
    result, ledger = cache.run("task", agent, "Hi", mode="hybrid")
    assert (result, ran) == ("be kind HI!", ["shout"])  # early cutoff: the prompt came out equal
    assert str(ledger.saved_cost_usd) == "0.07"
    assert ledger.spent.cost_usd == 0


def test_an_irreversible_step_is_never_run_again_without_a_policy(cache, tmp_path):
    sent = []

    @tool
    @irreversible
    def send(to):
        sent.append(to)
        return f"sent to {to}"

    def agent(to):
        return send(to)

    save(cache, tmp_path, agent, "ann")
    assert cache.run("task", agent, mode="hybrid")[0] == "sent to ann"
    with pytest.raises(IrreversibleStepError, match="its input changed"):
        cache.run("task", agent, "bob", mode="hybrid")
    with pytest.raises(IrreversibleStepError):
        cache.run("task", agent, "bob", mode="hybrid", policy={"send": "serve"})
    assert sent == ["ann"]
    assert cache.run("task", agent, "bob", mode="hybrid", policy={"send": "run"})[0] == "sent to bob"
    assert sent == ["ann", "bob"]


def test_a_read_is_served_only_if_what_was_written_before_is_equal(cache, tmp_path):
    orders = {"1": "new", "2": "new"}
    ran = []

    @tool
    @reads("orders:{order}")
    def show(order):
        ran.append(f"show {order}")
        return orders[order]

    @tool
    @writes("orders:{order}")
    def change(order, to):
        ran.append(f"change {order}")
        orders[order] = to
        return "ok"

    def agent(to):
        change("1", to)
        return [show("1"), show("2")]

    assert save(cache, tmp_path, agent, "paid") == ["paid", "new"]
    ran.clear()
    result, _ = cache.run("task", agent, "cancelled", mode="hybrid")
    assert result == ["cancelled", "new"]
    assert ran == ["change 1", "show 1"]


def test_undeclared_tools_are_served_only_while_nothing_changed(cache, tmp_path):
    ran = []

    @tool
    def act(what):
        ran.append(what)
        return len(what)

    def agent(*whats):
        return [act(what) for what in whats]

    save(cache, tmp_path, agent, "a", "bb", "c")
    ran.clear()
    cache.run("task", agent, "a", "other", "c", mode="hybrid")
    assert ran == ["other", "c"]


def test_nested_steps_are_served_inside_a_changed_one(cache, tmp_path):
    ran = []

    def build(factor):
        @pure
        def inner(x):
            ran.append("inner")
            return x + 1

        inner = tool(inner)

        @step
        def outer(x):
            ran.append("outer")
            return inner(x) * factor

        def agent(x):
            return outer(x)

        return agent

    assert save(cache, tmp_path, build(2), 3) == 8
    ran.clear()
    found = cache.run_again("task", build(10), mode="hybrid")
    assert (found.result, ran, found.error) == (40, ["outer"], None)
    assert list(found.reasons.values()) == ["its code changed"]


async def _aagent(x):
    return await _adouble(x)


@tool
@pure
async def _adouble(x):
    return x * 2


def test_asynchronous_agents_run_in_every_mode(cache, tmp_path):
    recorder = VCRRecorder(tmp_path / "tape")
    recorder.start_session("run")
    asyncio.run(recorder.arun(_aagent, 4))
    recorder.close()
    cache.save_golden_run("task", recorder)
    assert cache.run("task", _aagent, 4)[0] == 8
    assert cache.run("task", _aagent, 5, mode="hybrid")[0] == 10
    assert cache.run("task", _aagent, 5, mode="live")[0] == 10
