"""Values that lead back to themselves, and very deep ones, are recorded like others, and soon."""

from __future__ import annotations

import dataclasses
import itertools
import json
from typing import Any

import pytest

from vcr_core import VCRPlayer, VCRRecorder, step
from vcr_core.isolate import isolate
from vcr_core.loops import find_loops
from vcr_core.values import to_wire

CYCLE = "cycle"


@dataclasses.dataclass(eq=False)
class Node:
    name: str
    parent: Any = None
    children: list[Any] = dataclasses.field(default_factory=list)


def tree_of_dicts():
    root = {"name": "root", "parent": None, "children": []}
    root["children"] = [{"name": name, "parent": root, "children": []} for name in "ab"]
    return root


def tree_of_objects():
    root = Node("root")
    root.children = [Node(name, root) for name in "ab"]
    return root


def graph(size):
    """Nodes that all know each other: the ways through them are as many as the permutations of them."""
    nodes = [{"id": at} for at in range(size)]
    for node in nodes:
        node["peers"] = [other for other in nodes if other is not node]
    return nodes


def nested(depth, inmost):
    return nested(depth - 1, {"in": [inmost]}) if depth else inmost


@pytest.mark.parametrize("make", [tree_of_dicts, tree_of_objects])
def test_a_tree_that_knows_its_parents_is_recorded_by_what_changes_beside_it(tmp_path, make):
    tree, log = make(), "text " * 600
    with VCRRecorder(tmp_path) as recorder:
        recorder.start_session("run")
        for n in range(3):
            recorder.record_step("node", {"tree": tree, "log": log, "n": n}, {"tree": tree, "log": log, "n": n + 1})
    player = VCRPlayer.load(tmp_path / "run.vcr")
    states = [player.wire_state(n) for n in range(3)]
    root = states[0]["tree"].get("v", states[0]["tree"])
    child = root["children"][0].get("v", root["children"][0])
    assert child["parent"] == {"$vcr": CYCLE, "path": "/tree"}
    assert states == [{**states[0], "n": n + 1} for n in range(3)]
    lines = [json.loads(line)["data"] for line in (tmp_path / "run.vcr").read_bytes().splitlines()[1:4]]
    assert [list(data) for data in lines[1:]] == [[*list(lines[1])]] * 2
    assert all(
        data["output_patch"] == [{"op": "replace", "path": "/n", "value": n + 1}] for n, data in enumerate(lines)
    )


@pytest.mark.parametrize("make", [tree_of_dicts, tree_of_objects])
def test_a_change_within_a_loop_is_seen(tmp_path, make):
    tree = make()
    with VCRRecorder(tmp_path) as recorder:
        recorder.start_session("run")
        recorder.record_step("node", {"tree": tree, "log": "text " * 600}, None)
        (tree if type(tree) is dict else vars(tree))["name"] = "new"
        recorder.record_step("node", {"tree": tree, "log": "text " * 600}, None)
    player = VCRPlayer.load(tmp_path / "run.vcr")
    names = [wire["tree"].get("v", wire["tree"])["name"] for wire in (player.wire_state(n, "input") for n in range(2))]
    assert names == ["root", "new"]


def test_a_step_may_take_a_tree_that_knows_its_parents(tmp_path):
    @step
    def expand(node):
        node.children.append(Node("c", node))
        return node.name

    recorder = VCRRecorder(tmp_path)
    assert recorder.run(lambda: expand(tree_of_objects())) == "root"
    recorder.close()


@pytest.mark.parametrize("make", [tree_of_dicts, tree_of_objects])
def test_a_copy_of_a_tree_is_a_tree_of_its_own(make):
    tree = make()
    copied = isolate({"tree": tree})["tree"]
    of = vars if isinstance(tree, Node) else dict
    assert copied is not tree
    assert all(of(child)["parent"] is copied for child in of(copied)["children"])


def test_a_graph_is_written_in_space_that_grows_with_its_edges():
    assert len(json.dumps(to_wire(graph(8)))) < 20_000
    assert len(json.dumps(to_wire({"state": graph(40)}))) < 1_000_000


def test_a_graph_that_is_longer_than_what_is_looked_into_is_written():
    assert to_wire(graph(300)[::-1])[0]["id"] == 299


def test_many_nodes_of_a_graph_are_recorded(tmp_path):
    nodes = graph(30)
    with VCRRecorder(tmp_path) as recorder:
        recorder.start_session("run")
        recorder.record_step(
            "node", {"nodes": nodes}, {"nodes": nodes, "of": {node["id"]: {"it": node} for node in nodes}}
        )
    assert VCRPlayer.load(tmp_path / "run.vcr").wire_state(0)["nodes"][0]["id"] == 0


def test_what_is_shared_is_written_in_full_each_time():
    shared, tree = {"role": ["user"]}, tree_of_dicts()
    assert to_wire([shared] * 5000) == [shared] * 5000
    wire = to_wire({"at": tree["children"][0], "tree": tree})
    assert [child["name"] for child in wire["tree"]["children"]] == ["a", "b"]


def test_loops_are_found_and_nothing_else():
    tree, shared = tree_of_dicts(), [{}]
    alone: list[Any] = []
    alone.append(alone)
    state = {"tree": tree, "alone": alone, "shared": [shared, shared, ({"a": shared},)]}
    loops = find_loops(state)
    looping = [tree, tree["children"], *tree["children"], alone]
    assert loops == set(map(id, looping))
    assert find_loops([{"to": tree} for _ in range(5)]) > {id(tree)}


@pytest.mark.parametrize("depth", [10, 40, 80])
def test_a_deep_state_is_written_by_what_changes_and_without_its_secrets(tmp_path, depth):
    deep = nested(depth, {"password": "Hx7mmQ2zzP", "n": 0})
    states = [{"deep": deep, "log": "text " * 600, "n": n} for n in range(3)]
    with VCRRecorder(tmp_path) as recorder:
        recorder.start_session("run")
        for before, after in itertools.pairwise(states):
            recorder.record_step("node", before, after)
    content = (tmp_path / "run.vcr").read_bytes()
    assert b"Hx7mmQ2zzP" not in content
    assert content.count(b'"log"') == 1
    player = VCRPlayer.load(tmp_path / "run.vcr")
    assert [player.goto_frame(n)["n"] for n in range(2)] == [1, 2]
