"""Complexity, statement counts and parameter counts of one function.

`complexity_of` follows the counting rules of ruff's C901 and `counted_parameters` those of its PLR0913, so that a
number Sentinel names is the number the project's linter names. Limits and messages do not belong here.
"""

from __future__ import annotations

import ast
import re
from typing import cast

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef

_TRY: tuple[type[ast.AST], ...] = (ast.Try, getattr(ast, "TryStar", ast.Try))
_PLAIN = frozenset({ast.Expr, ast.Assign, ast.Return, ast.AugAssign, ast.AnnAssign, ast.Raise, ast.Pass})

# ruff's default `dummy-variable-rgx`: such parameters are not counted.
_DUMMY = re.compile(r"^(_+|(_+[a-zA-Z0-9_]*[a-zA-Z0-9]+?))$")


def _irrefutable(pattern: ast.pattern) -> bool:
    """Whether a case pattern matches everything, as in `case _:` and `case name:`."""
    if isinstance(pattern, ast.MatchAs):
        return pattern.pattern is None or _irrefutable(pattern.pattern)
    if isinstance(pattern, ast.MatchOr):
        return any(_irrefutable(option) for option in pattern.patterns)
    return False


def measure_body(body: list[ast.stmt]) -> tuple[int, int]:
    """Count a function body.

    Returns:
        `(complexity, statements)`: McCabe complexity by the rules of ruff's C901 (nested functions add theirs plus
        one), and the number of statements at every depth, handlers included.
    """
    complexity = 1
    statements = 0
    stack: list[list[ast.stmt]] = [body]
    while stack:
        for node in stack.pop():
            statements += 1
            if node.__class__ not in _PLAIN:
                branches, handlers = _open(node, stack)
                complexity += branches
                statements += handlers
    return complexity, statements


def _open(node: ast.stmt, stack: list[list[ast.stmt]]) -> tuple[int, int]:
    """Push the blocks of a compound statement; `(branches it adds, handlers it holds)`."""
    if isinstance(node, (ast.If, ast.For, ast.AsyncFor, ast.While)):
        stack += (node.body, node.orelse)
        return 1, 0
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        stack.append(node.body)
        return 1, 0
    if isinstance(node, (ast.With, ast.AsyncWith, ast.ClassDef)):
        stack.append(node.body)
    elif isinstance(node, _TRY):
        return _open_try(node, stack)
    elif isinstance(node, ast.Match):
        stack.extend(case.body for case in node.cases)
        return _match_branches(node), 0
    return 0, 0


def _open_try(node: ast.AST, stack: list[list[ast.stmt]]) -> tuple[int, int]:
    block = cast("ast.Try", node)  # TryStar has the same fields
    stack += (block.body, block.orelse, block.finalbody, *(handler.body for handler in block.handlers))
    return len(block.handlers) + bool(block.orelse), len(block.handlers)


def _match_branches(node: ast.Match) -> int:
    last = node.cases[-1]
    catch_all = last.guard is None and _irrefutable(last.pattern)
    return len(node.cases) - (1 if catch_all else 0)


def complexity_of(node: FunctionNode) -> int:
    """McCabe complexity of `node`, equal to the number in ruff's C901."""
    return measure_body(node.body)[0]


def counted_parameters(node: FunctionNode, *, method: bool, decorators: tuple[str, ...]) -> int:
    """Parameters as ruff's PLR0913 counts them; 0 where the rule does not apply (`@overload`, `@override`)."""
    last_parts = {name.rpartition(".")[2] for name in decorators}
    if last_parts & {"overload", "override"}:
        return 0
    arguments = node.args
    count = 0
    for group in (arguments.posonlyargs, arguments.args, arguments.kwonlyargs):
        for argument in group:
            if not (argument.arg[0] == "_" and _DUMMY.match(argument.arg)):
                count += 1
    if method and not last_parts & {"staticmethod", "abstractstaticmethod"}:
        count = max(0, count - 1)
    return count
