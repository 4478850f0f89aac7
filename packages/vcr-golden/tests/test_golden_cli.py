"""``vcr golden`` as a user types it."""

from __future__ import annotations

import json
import textwrap
from pathlib import Path
from xml.etree import ElementTree

import pytest

from vcr_core import VCRRecorder
from vcr_core.cli.entry import main
from vcr_golden import GoldenRunCache
from vcr_golden.saving import import_agent

AGENT = """
    from vcr_core import llm, tool

    @tool
    def find(order):
        return {"total": 40}

    @llm(metadata=lambda _: {"tokens_input": 9, "tokens_output": 1, "cost_usd": 0.01, "model": "m"})
    def say(text):
        return text.upper()

    def shop(order):
        return say(f"order {find(order)['total']}")
"""


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))

    def write(text, name):
        (tmp_path / f"{name}.py").write_text(textwrap.dedent(text))
        return import_agent(f"{name}:shop")

    return write


def save(agent):
    recorder = VCRRecorder(".vcr")
    recorder.start_session("run")
    recorder.run(agent, "7")
    recorder.close()
    return GoldenRunCache().save_golden_run("buy | it", recorder)


def test_gate_list_show_explain_and_accept(project, capsys):
    agent = project(AGENT, "golden_cli_shop")
    fingerprint = save(agent)

    assert main(["golden", "ls"]) == 0
    assert f"{fingerprint}  2 steps  10 tokens  $0.0100  buy | it" in capsys.readouterr().out
    assert main(["golden", "show", "buy | it"]) == 0
    assert "tool   find  unknown" in capsys.readouterr().out
    assert main(["golden", "gate", "--markdown", "gate.md", "--junit", "gate.xml"]) == 0
    assert "SAME" in capsys.readouterr().out
    assert ElementTree.parse("gate.xml").getroot()[0].attrib["failures"] == "0"

    changed = project(AGENT.replace('f"order', 'f"DELETE ALL'), "golden_cli_changed")
    assert changed is not agent
    command = ["golden", "gate", "--agent", "golden_cli_changed:shop", "--markdown", "gate.md", "--junit", "gate.xml"]
    assert main([*command, "--json"]) == 2
    report = json.loads(capsys.readouterr().out)
    assert report["verdict"] == "drift"
    assert [drift["kind"] for drift in report["runs"][0]["drifts"]] == ["argument"]
    assert ElementTree.parse("gate.xml").getroot()[0].attrib["failures"] == "1"
    assert "buy \\| it | drift | argument" in Path("gate.md").read_text()

    assert main(["golden", "explain", "buy | it", "--identity", '{"model": "m2"}']) == 0
    assert "model: recorded 'm', now 'm2'" in capsys.readouterr().out
    assert main([*command, "--mode", "hybrid"]) == 2
    assert main(["golden", "accept", "buy | it"]) == 0
    assert main([*command]) == 0
    assert main(["golden", "accept", "buy | it"]) == 1
    capsys.readouterr()


def test_what_cannot_be_tested_is_125(project, capsys):
    assert main(["golden", "gate"]) == 125
    save(project(AGENT, "golden_cli_gone"))
    assert main(["golden", "gate", "--agent", "no_such_module:shop"]) == 125
    assert main(["golden", "gate", "unknown task"]) == 125
    assert "untestable: there is no golden run of it" in capsys.readouterr().out


@pytest.mark.parametrize(
    "fails", ["def broken(:", "raise RuntimeError('no key')", "raise SystemExit('no key')", "1 / 0"]
)
def test_an_agent_whose_module_does_not_load_is_125(project, capsys, fails):
    save(project(AGENT, "golden_cli_loads"))
    Path("golden_cli_broken.py").write_text(f"{fails}\n")
    assert main(["golden", "gate", "--agent", "golden_cli_broken:shop"]) == 125
    assert "untestable: the agent 'golden_cli_broken:shop' cannot be loaded: " in capsys.readouterr().out


def test_an_agent_that_ends_the_program_is_125(project, capsys):
    save(project(AGENT, "golden_cli_stays"))
    project(AGENT.replace("        return say", "        raise SystemExit(0)\n        return say"), "golden_cli_ends")
    assert main(["golden", "gate", "--agent", "golden_cli_ends:shop"]) == 125
    assert "untestable: the agent ended the program (SystemExit: 0)" in capsys.readouterr().out


def test_a_manifest_that_cannot_be_read_is_125(project, capsys):
    save(project(AGENT, "golden_cli_read"))
    next(Path(".vcr/golden").glob("*.json")).write_text('{"format": 99}')
    assert main(["golden", "gate"]) == 125
    assert "it is of another format" in capsys.readouterr().out


def test_what_an_agent_prints_is_not_in_the_report(project, capsys):
    loud = "    print('loading')\n" + AGENT.replace("        return say", "        print('hello')\n        return say")
    save(project(AGENT, "golden_cli_quiet"))
    Path("golden_cli_loud.py").write_text(textwrap.dedent(loud))
    capsys.readouterr()
    assert main(["golden", "gate", "--agent", "golden_cli_loud:shop", "--json"]) == 0
    printed = capsys.readouterr()
    assert json.loads(printed.out)["verdict"] == "same"
    assert printed.err.split() == ["loading", "hello"]


def test_a_recording_is_gated(project, capsys):
    save(project(AGENT, "golden_cli_rec"))
    assert main(["golden", "gate", "--recording", ".vcr/run.vcr", "--cost", "+20%"]) == 0
    assert main(["golden", "gate", "--recording", ".vcr/run.vcr", "--cost", "0.001"]) == 2
    assert "cost 0.01 is over the limit of 0.001" in capsys.readouterr().out
