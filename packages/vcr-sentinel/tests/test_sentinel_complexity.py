from __future__ import annotations

import ast
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import vcr_sentinel
from vcr_sentinel.complexity import complexity_of, counted_parameters
from vcr_sentinel.document import Document

# Each number is what ruff's C901 reports for the function.
CASES = [
    ("def f(): pass", 1),
    ("def f():\n  if a and b or c: pass\n  elif d: pass\n  else: pass", 3),
    ("def f():\n  for x in y:\n    while z: pass\n    else: pass", 3),
    ("def f():\n  try: pass\n  except A: pass\n  except B: pass\n  else: pass\n  finally: pass", 4),
    ("def f():\n  def g():\n    if a: pass\n  return g", 3),
    ("def f():\n  class A:\n    def m(self):\n      if a: pass", 3),
    ("def f():\n  with a:\n    if b: pass", 2),
    ("def f():\n  match a:\n    case 1: pass\n    case _: pass", 2),
    ("def f():\n  match a:\n    case 1: pass\n    case x if x: pass", 3),
    ("def f():\n  match a:\n    case 1 | _: pass", 1),
    ("async def f():\n  async for a in b: pass\n  async with c: pass", 2),
    ("def f():\n  return [a for a in b if c] or (lambda: d if e else g)", 1),
]


@pytest.mark.parametrize(("source", "expected"), CASES)
def test_complexity_is_that_of_c901(source, expected):
    assert complexity_of(ast.parse(source).body[0]) == expected


@pytest.mark.parametrize(
    ("source", "method", "expected"),
    [
        ("def f(a, b, /, c, *d, e, **g): pass", False, 4),
        ("def f(a, _, _b, __c): pass", False, 1),
        ("def m(self, a): pass", True, 1),
        ("def __new__(cls, a): pass", True, 1),
        ("@staticmethod\ndef s(a, b): pass", True, 2),
        ("@typing.overload\ndef o(a, b): pass", False, 0),
        ("@override\ndef o(self, b): pass", True, 0),
        ("def none(): pass", True, 0),
    ],
)
def test_parameters_are_those_of_plr0913(source, method, expected):
    node = ast.parse(source).body[0]
    decorators = tuple(ast.unparse(item) for item in node.decorator_list)
    assert counted_parameters(node, method=method, decorators=decorators) == expected


def test_our_own_code_agrees_with_ruff():
    ruff = shutil.which("ruff", path=str(Path(sys.executable).parent)) or shutil.which("ruff")
    if ruff is None:
        pytest.skip("ruff is not installed here; benchmarks/sentinel/linter_agreement.py does this at full size")
    folder = Path(vcr_sentinel.__file__).parent
    command = [
        ruff,
        "check",
        "--isolated",
        "--no-cache",
        "--ignore-noqa",
        "--select",
        "C901",
        "--output-format",
        "json",
    ]
    command += ["--config", "lint.mccabe.max-complexity=0", str(folder)]
    done = subprocess.run(command, capture_output=True, check=False)
    theirs = {
        (Path(item["filename"]).name, item["location"]["row"]): int(item["message"].rpartition("(")[2].split()[0])
        for item in json.loads(done.stdout)
    }
    ours = {}
    for path in folder.glob("*.py"):
        first = 1
        for chunk in Document(path.read_bytes()).chunks:
            for facts in chunk.core.functions:
                ours[path.name, first + facts.line] = facts.complexity
            first += chunk.lines
    assert len(ours) > 200
    assert ours == theirs
