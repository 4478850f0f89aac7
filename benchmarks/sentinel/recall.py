"""Recall by injected clones: real functions are copied into a new file, changed by a known amount, and checked.

`python benchmarks/sentinel/recall.py [--functions 400]` prints, per kind of change, how many clones were found and how
many findings named a wrong original. Kinds: `exact` (name, docstring, annotations and layout changed), `renamed` (all
locals renamed too), `10 %`, `20 %`, `30 %` (locals renamed, and that share of the simple statements deleted, inserted,
or altered in a constant or an operator).
"""

from __future__ import annotations

import argparse
import ast
import copy
import random
import sys
from collections import Counter
from pathlib import Path

import corpus

from vcr_sentinel.config import Config
from vcr_sentinel.document import Document
from vcr_sentinel.extraction import function_tokens
from vcr_sentinel.guard import Sentinel
from vcr_sentinel.rules_duplicates import exempt
from vcr_sentinel.source_text import SourceError, to_utf8

PACKAGES = ["django", "networkx", "pip", "scrapy", "celery", "sqlalchemy", "textual", "nltk"]
KINDS = {"exact": None, "renamed": 0.0, "10 %": 0.1, "20 %": 0.2, "30 %": 0.3}
GOALS = {"exact": 0.995, "renamed": 0.99, "10 %": 0.88, "20 %": 0.70, "30 %": 0.53}


class Renamer(ast.NodeTransformer):
    """Gives every parameter and local another name."""

    def __init__(self, node: ast.FunctionDef) -> None:
        names = {item.arg for item in ast.walk(node) if isinstance(item, ast.arg)}
        names |= {
            item.id for item in ast.walk(node) if isinstance(item, ast.Name) and not isinstance(item.ctx, ast.Load)
        }
        names |= {item.name for item in ast.walk(node) if isinstance(item, ast.ExceptHandler) and item.name}
        outer = {name for item in ast.walk(node) if isinstance(item, (ast.Global, ast.Nonlocal)) for name in item.names}
        self.names = {name: f"{name[0]}q{number}" for number, name in enumerate(sorted(names - outer))}

    def visit_Name(self, node: ast.Name) -> ast.AST:
        node.id = self.names.get(node.id, node.id)
        return node

    def visit_arg(self, node: ast.arg) -> ast.AST:
        node.arg = self.names.get(node.arg, node.arg)
        return node

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> ast.AST:
        node.name = self.names.get(node.name, node.name) if node.name else None
        self.generic_visit(node)
        return node


def alter(node: ast.FunctionDef, share: float, rng: random.Random) -> None:
    """Change a share of the simple statements."""
    blocks = [
        block
        for item in ast.walk(node)
        for name in ("body", "orelse", "finalbody")
        if isinstance(block := getattr(item, name, None), list)
    ]
    places = [(block, item) for block in blocks for item in block if not hasattr(item, "body")]
    for block, item in rng.sample(places, max(1, round(share * len(places)))):
        at = next(number for number, other in enumerate(block) if other is item)
        how = rng.choice(("delete", "insert", "alter", "alter"))
        if how == "delete" and len(block) > 1:
            del block[at]
        elif how == "insert":
            extra = rng.choice(
                ("extra = compute_more(1)", "logger.debug('step')", "counter = counter + 1", "assert ready")
            )
            block.insert(at, ast.parse(extra).body[0])
        else:
            _alter_statement(item, rng)


def _alter_statement(item: ast.stmt, rng: random.Random) -> None:
    constants = [
        node for node in ast.walk(item) if isinstance(node, ast.Constant) and isinstance(node.value, (int, str))
    ]
    attributes = [node for node in ast.walk(item) if isinstance(node, ast.Attribute)]
    if constants and (not attributes or rng.random() < 0.4):
        node = rng.choice(constants)
        node.value = f"{node.value}x" if isinstance(node.value, str) else int(node.value) + 1
    elif attributes:
        rng.choice(attributes).attr += "_x"
    elif isinstance(item, (ast.Assign, ast.Return)) and item.value is not None:
        item.value = ast.Call(ast.Name("adjusted", ast.Load()), [item.value], [])


def clone(original: ast.FunctionDef, share: float | None, rng: random.Random) -> str:
    """The source of a changed copy."""
    node = copy.deepcopy(original)
    node.name = f"{node.name}_again"
    for item in ast.walk(node):
        if isinstance(item, ast.Name) and item.id == original.name:
            item.id = node.name
        if isinstance(item, ast.arg):
            item.annotation = None
    node.returns = None
    if ast.get_docstring(node) is not None:
        node.body[0] = ast.parse("'Another docstring.'").body[0]
    if share is not None:
        Renamer(node).visit(node)
    if share:
        alter(node, share, rng)
    return ast.unparse(ast.fix_missing_locations(node)) + "\n"


def candidates(release: Path) -> list[tuple[str, ast.FunctionDef]]:
    """Module-level functions of a release that are large enough to be compared at all."""
    sizes = Config().duplicates
    found: list[tuple[str, ast.FunctionDef]] = []
    for path in sorted(release.rglob("*.py")):
        try:
            text = to_utf8(path.read_bytes())
            tree, document = ast.parse(text), Document(text)
        except (SourceError, SyntaxError):
            continue
        relative = str(path.relative_to(release))
        config = Config()
        from vcr_sentinel.index import IndexedFile, marked_generated

        file = IndexedFile(relative, document.chunks, generated=marked_generated(text))
        if file.unowned or file.test or config.excludes(relative):
            continue
        for node in tree.body:
            if not isinstance(node, ast.FunctionDef) or "async" in f"{relative}{node.name}".lower():
                continue
            facts = file.by_qualname(node.name)
            enough = len(facts) == 1 and not exempt(facts[0]) and facts[0].tokens >= sizes.near_tokens
            if enough and facts[0].statements >= sizes.near_statements:
                found.append((relative, node))
    return found


def same_code(release: Path, related: str, original: ast.FunctionDef) -> bool:
    """Whether the cited function is the original, or itself a copy of it."""
    path, _, name = related.partition("::")
    tree = ast.parse(to_utf8((release / path).read_bytes()))
    cited = [
        node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name == name.rpartition(".")[2]
    ]
    wanted = function_tokens(original)[2]
    from difflib import SequenceMatcher

    return any(SequenceMatcher(None, function_tokens(node)[2], wanted, autojunk=False).ratio() > 0.85 for node in cited)


def main(arguments: list[str]) -> int:
    """Run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--functions", type=int, default=400)
    options = parser.parse_args(arguments)
    rng = random.Random(8)
    found: Counter[str] = Counter()
    asked: Counter[str] = Counter()
    wrong: list[str] = []
    missed: list[str] = []
    for package in PACKAGES:
        releases = [folder for version in corpus.RELEASES[package][-1:] if (folder := corpus.fetch(package, version))]
        release = releases[-1]
        functions = candidates(release)
        sample = rng.sample(functions, min(len(functions), options.functions // len(PACKAGES)))
        with Sentinel(root=release, config=Config(ruff=False), persist=False, slow_lane="inline") as sentinel:
            for path, node in sample:
                for kind, share in KINDS.items():
                    asked[kind] += 1
                    target = "injected_clone.py"
                    told = sentinel.check(target, clone(node, share, rng))
                    sentinel.drain()
                    told = [item for item in [*told, *sentinel.pending()] if item.code in {"VS101", "VS102", "VS103"}]
                    right = [item for item in told if item.related_identity == f"{path}::{node.name}"]
                    others = [item for item in told if item not in right]
                    right += [item for item in others if same_code(release, item.related_identity, node)]
                    found[kind] += bool(right)
                    missed += [] if right else [f"{package} {path} {node.name} {kind}"]
                    wrong += [f"{package} {node.name} {kind}: {item.message}" for item in told if item not in right]
                    sentinel.deleted(target)
        print(f"{package}: {len(sample)} of {len(functions)} functions", file=sys.stderr, flush=True)
    for kind in KINDS:
        print(
            f"{kind:8} {found[kind]} of {asked[kind]} found ({found[kind] / asked[kind]:.1%}), goal {GOALS[kind]:.1%}"
        )
    print(f"wrong pairs: {len(wrong)}", *wrong[:10], sep="\n  ")
    print("missed:", *missed[:12], sep="\n  ")
    return int(bool(wrong) or any(found[kind] < GOALS[kind] * asked[kind] for kind in KINDS))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
