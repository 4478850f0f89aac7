"""Each component of an identity is compared on its own; code is compared by behaviour."""

from __future__ import annotations

import importlib
import sys
import textwrap

import pytest

from vcr_core import UsageError, VCRRecorder, llm, step
from vcr_golden import GoldenRunCache, NoGoldenRunError
from vcr_golden.code_fingerprint import CodeMap, fingerprint
from vcr_golden.identity import COMPONENTS

IDENTITY = {
    "model": "gpt-5",
    "params": {"temperature": 0, "max_tokens": 100},
    "prompt": ["You are kind.", "Be brief."],
    "tools": [{"name": "find", "parameters": {"type": "object"}}],
}


@llm(metadata=lambda _: {"tokens_input": 10, "cost_usd": 0.02})
def ask(question):
    return question


@step
def tidy(text):
    return text.strip()


def agent(question):
    return tidy(ask(question))


def other_agent(question):
    return tidy(ask(question))


@pytest.fixture
def cache(tmp_path):
    recorder = VCRRecorder(tmp_path / "tape")
    recorder.start_session("run")
    recorder.run(agent, "q")
    recorder.close()
    cache = GoldenRunCache(tmp_path / "golden")
    cache.save_golden_run("task", recorder, identity={**IDENTITY, "code": "commit 1"})
    return cache


CHANGES = {
    "task": ({"task": "another task"}, ""),
    "agent": ({"agent": "other:agent"}, ""),
    "input": ({"input": {"args": ["r"], "kwargs": {}}}, "/args/0"),
    "model": ({"model": "gpt-6"}, ""),
    "params": ({"params": {"temperature": 0.5, "max_tokens": 100}}, "/temperature"),
    "prompt": ({"prompt": ["You are kind.", "Be long."]}, "/1"),
    "tools": ({"tools": [{"name": "find", "parameters": {"type": "array"}}]}, "/0/parameters/type"),
    "code": ({"code": "commit 2"}, ""),
}


def test_nothing_changed_is_no_miss(cache):
    same = cache.explain("task", agent, "q", identity={**IDENTITY, "code": "commit 1"})
    assert same.same
    assert "replaying it costs nothing" in str(same)


@pytest.mark.parametrize("component", COMPONENTS)
def test_a_change_of_one_component_is_named_alone(cache, component):
    change, path = CHANGES[component]
    miss = cache.explain("task", agent, "q", identity={**IDENTITY, "code": "commit 1", **change})
    assert [(d.component, d.path) for d in miss.differences] == [(component, path)]
    assert "running again costs" in str(miss)


def test_a_changed_model_costs_its_calls_at_least(cache):
    miss = cache.explain("task", identity={"model": "gpt-6"})
    assert (str(miss.at_least.cost_usd), miss.at_least.steps, miss.at_most.steps) == ("0.02", 1, 2)


def test_input_and_agent_are_seen_from_the_call(cache):
    assert cache.explain("task", agent, "r").components == ["input"]
    assert cache.explain("task", other_agent, "q", identity={"code": "commit 1"}).components == ["agent"]


def test_a_component_that_does_not_exist_is_refused(cache):
    with pytest.raises(UsageError, match="modle"):
        cache.explain("task", identity={"modle": "x"})
    with pytest.raises(NoGoldenRunError):
        GoldenRunCache(cache.directory / "none").explain("task")


SOURCE = '''
    LIMIT = 3
    RULES = {"a": 1}
    seen = []

    def helper(x):
        """Help."""
        return x + 1

    class Worker:
        def do(self, x):
            return self.inner(x)

        def inner(self, x):
            return x * 2

    def unrelated():
        return 0

    def agent(x):
        """Work."""
        seen.append(x)
        return Worker().do(helper(x)) + LIMIT + rule()

    def rule():
        return RULES["a"]
'''


@pytest.fixture
def code_of(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def load(source):
        (tmp_path / "golden_code.py").write_text(textwrap.dedent(source))
        sys.modules.pop("golden_code", None)
        importlib.invalidate_caches()
        return importlib.import_module("golden_code")

    yield load
    sys.modules.pop("golden_code", None)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"""Help."""', '"""Explain."""'),
        ("def helper", "# a comment\n\n    def helper"),
        ("return 0", "return 1"),
        ("seen = []", "seen = [1]"),
    ],
)
def test_what_does_not_behave_otherwise_has_the_same_fingerprint(code_of, old, new):
    before = fingerprint(code_of(SOURCE).agent)
    assert fingerprint(code_of(SOURCE.replace(old, new)).agent) == before


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("x + 1", "x + 2", "golden_code:helper"),
        ("x * 2", "x * 3", "golden_code:Worker.inner"),
        ("LIMIT = 3", "LIMIT = 4", "golden_code:agent"),
        ('{"a": 1}', '{"a": 2}', "golden_code:rule"),
        ("def helper(x)", "def helper(x, y=1)", "golden_code:helper"),
    ],
)
def test_what_behaves_otherwise_is_named(code_of, old, new, named):
    before = CodeMap(code_of(SOURCE).agent).digests
    after = CodeMap(code_of(SOURCE.replace(old, new)).agent).digests
    assert [name for name in before if before[name] != after[name]] == [named]


REFERRING = """
    import enum
    import golden_prompts
    import golden_prompts as prompts

    RULES = {"limit": 1, "names": ["a"]}
    CACHE = {}

    class Config:
        TONE = "kind"
        LIMITS = {"words": 10}

    class Polite(Config):
        STYLE = "soft"
        seen = {}

        def tone(self, word):
            self.seen[word] = self.LIMITS
            return self.STYLE + self.TONE

    class Mood(enum.Enum):
        CALM = "calm"

    def appends(q):
        parts = []
        parts.append(str(RULES["limit"]))
        return parts

    def fills(q):
        body = {}
        body["limit"] = RULES["limit"]
        body["names"] = RULES
        body["limit"] += RULES["limit"]
        return body

    def names_a_module(q):
        return golden_prompts.SYSTEM

    def names_a_class(q):
        return Config.TONE, Polite.STYLE, Polite.LIMITS

    def names_a_member(q):
        return Mood.CALM.value

    def names_an_import(q):
        from golden_prompts import SYSTEM
        return SYSTEM

    def calls_a_method(q):
        return Polite().tone(q)

    def caches(q):
        CACHE[q] = CACHE.get(q, 0)
        CACHE[q] += 1
        CACHE["all"][q] = 1
        prompts.SEEN[q] = 1
        prompts.calls += 1
        Config.LIMITS.setdefault(q, []).append(q)
        return q
"""
PROMPTS = """
    SYSTEM = "be brief"
    SEEN = {}
    calls = 0
"""


@pytest.fixture
def fingerprint_of(code_of, tmp_path):
    def load(function, old="", new=""):
        (tmp_path / "golden_prompts.py").write_text(textwrap.dedent(PROMPTS).replace(old, new))
        sys.modules.pop("golden_prompts", None)
        return fingerprint(getattr(code_of(REFERRING.replace(old, new)), function))

    yield load
    sys.modules.pop("golden_prompts", None)


@pytest.mark.parametrize(
    ("function", "old", "new"),
    [
        ("appends", '{"limit": 1', '{"limit": 2'),
        ("fills", '{"limit": 1', '{"limit": 2'),
        ("names_a_module", "be brief", "be long"),
        ("names_an_import", "be brief", "be long"),
        ("names_a_class", '"kind"', '"hard"'),
        ("names_a_class", '"soft"', '"hard"'),
        ("names_a_class", '"words": 10', '"words": 20'),
        ("names_a_member", '"calm"', '"wild"'),
        ("calls_a_method", '"kind"', '"hard"'),
        ("calls_a_method", '"words": 10', '"words": 20'),
    ],
)
def test_a_constant_that_a_function_refers_to_is_part_of_it(fingerprint_of, function, old, new):
    assert fingerprint_of(function) != fingerprint_of(function, old, new)


@pytest.mark.parametrize(
    ("function", "old", "new"),
    [
        ("caches", "CACHE = {}", 'CACHE = {"x": 1}'),
        ("caches", "SEEN = {}", 'SEEN = {"x": 1}'),
        ("caches", "calls = 0", "calls = 7"),
        ("caches", '"words": 10', '"words": 20'),
        ("calls_a_method", "seen = {}", 'seen = {"x": 1}'),
        ("names_a_module", "SEEN = {}", 'SEEN = {"x": 1}'),
        ("appends", '"kind"', '"hard"'),
    ],
)
def test_what_a_function_changes_or_does_not_name_is_no_part_of_it(fingerprint_of, function, old, new):
    assert fingerprint_of(function) == fingerprint_of(function, old, new)


def test_changed_code_of_an_agent_is_explained(code_of, tmp_path):
    source = SOURCE + "\n    from vcr_core import step\n    agent = step(agent)\n"
    recorder = VCRRecorder(tmp_path / "tape")
    recorder.start_session("run")
    recorder.run(code_of(source).agent, 1)
    recorder.close()
    cache = GoldenRunCache(tmp_path / "golden")
    cache.save_golden_run("task", recorder)
    assert cache.explain("task", code_of(source).agent).same
    miss = cache.explain("task", code_of(source.replace("x + 1", "x + 2")).agent)
    assert [(d.component, d.path) for d in miss.differences] == [("code", "/golden_code:helper")]
    assert miss.at_least.steps == 1
