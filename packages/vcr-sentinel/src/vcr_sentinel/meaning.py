"""Whether two functions of equal tokens do the same: by their whole syntax, and by what their outside names mean.

Tokens leave out decorators, and a name among them may stand for another thing in another module. This reads both
sources, so it is asked only about pairs whose tokens are equal; which pairs those are belongs to `rules_duplicates`.
"""

from __future__ import annotations

import ast
import dis
import types
import warnings
from collections.abc import Iterator
from itertools import zip_longest

from vcr_sentinel.complexity import FunctionNode
from vcr_sentinel.facts import CONDITIONAL, FunctionFacts
from vcr_sentinel.index import Entry
from vcr_sentinel.modules import UNBOUND, ModuleMap
from vcr_sentinel.project import Project
from vcr_sentinel.source_text import parse

_WRAP = b"if 1:\n"
_ITSELF = "<itself>"  # stands for a function's own name, as no source can
_GLOBAL_NAME = frozenset({"LOAD_NAME", "LOAD_GLOBAL", "STORE_GLOBAL", "DELETE_GLOBAL", "LOAD_FROM_DICT_OR_GLOBALS"})


def read_definition(project: Project, path: str, facts: FunctionFacts) -> FunctionNode | None:
    """The syntax of one function of the project, with its decorators; `None` if it cannot be read by itself."""
    file = project.index.files.get(path)
    if file is None:
        return None
    first = file.line_of(facts) - facts.line
    lines = project.text(path).splitlines(keepends=True)
    block = b"".join(lines[first + facts.start - 1 : first + facts.end])
    try:
        body = parse(_WRAP + block if block[:1].isspace() else block).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    node = body[0] if body else None
    if isinstance(node, ast.If):
        node = node.body[0]
    return node if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) else None


def same_meaning(project: Project, modules: ModuleMap, path: str, facts: FunctionFacts, original: Entry) -> bool | None:
    """Whether a module-level function does what `original` does, so that an import of it may take its place.

    `None` where it cannot be told. A name that the copy's module lacks altogether is no doubt: there the copy cannot
    work, and what the original means by it can only help.
    """
    other = original.facts
    mine, theirs = read_definition(project, path, facts), read_definition(project, original.path, other)
    if mine is None or theirs is None:
        return None
    if _outline(mine) != _outline(theirs):
        return False
    bound = project.index.files[original.path].names().bindings.get(other.name, ())
    rebound = len(bound) > 1 and not other.flags & CONDITIONAL
    if path == original.path:
        return None if rebound else True
    names = _outside_names(mine)
    if names is None or not all(_same_import(modules, path, original.path, node) for node in ast.walk(mine)):
        return None
    found = {_same_name(modules, path, original.path, name) for name in names - {_ITSELF}}
    if False in found:
        return False
    return None if rebound or None in found else True


def _same_name(modules: ModuleMap, path: str, other: str, name: str) -> bool | None:
    mine, theirs = modules.origin(path, name), modules.origin(other, name)
    if mine == UNBOUND:
        return True
    return None if mine is None or theirs is None else mine == theirs


def _same_import(modules: ModuleMap, path: str, other: str, node: ast.AST) -> bool:
    """Whether an import inside of the function leads to the same module from both files."""
    if isinstance(node, ast.ImportFrom):
        asked = [(node.level, node.module or "")]
    elif isinstance(node, ast.Import):
        asked = [(0, alias.name) for alias in node.names]
    else:
        return True
    same_folder = path.rpartition("/")[0] == other.rpartition("/")[0]
    return all(
        (not level or same_folder) and modules.resolve(path, level, name) == modules.resolve(other, level, name)
        for level, name in asked
    )


def _outline(node: FunctionNode) -> str:
    """All of a function's syntax but its name, docstring and annotations, which are taken from `node` itself."""
    _Bare(node.name).visit(node)
    if ast.get_docstring(node, clean=False) is not None:
        node.body = node.body[1:] or [ast.Pass()]
    node.name = _ITSELF
    return ast.dump(node)


class _Bare(ast.NodeTransformer):
    """Takes away annotations, but not those in the body of a class, which may be its fields; and the own name."""

    def __init__(self, own: str) -> None:
        self._own = own

    def visit_Name(self, node: ast.Name) -> ast.AST:
        if node.id == self._own:
            node.id = _ITSELF
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        return self._function(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        return self._function(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        for statement in node.body:
            if not isinstance(statement, ast.AnnAssign):
                self.visit(statement)
        return node

    def visit_arg(self, node: ast.arg) -> ast.AST:
        node.annotation = None
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        node.annotation = ast.copy_location(ast.Constant(None), node.annotation)
        return self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        node.kind = None
        return node

    def _function(self, node: FunctionNode) -> ast.AST:
        node.returns = None
        return self.generic_visit(node)


def _outside_names(node: FunctionNode) -> set[str] | None:
    """The global names that running the definition and the function reads or binds; `None` if it does not compile."""
    module = ast.fix_missing_locations(ast.Module([node], []))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            code = compile(module, "<function>", "exec", dont_inherit=True, optimize=0)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    return set(_global_names(code))


def _global_names(code: types.CodeType) -> Iterator[str]:
    instructions = list(dis.get_instructions(code))
    for instruction, following in zip_longest(instructions, instructions[1:]):
        # What every class body begins with, and where it keeps the annotations of its fields.
        prologue = following is not None and following.argval == "__module__"
        if instruction.opname in _GLOBAL_NAME and not prologue and instruction.argval != "__annotations__":
            yield str(instruction.argval)
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _global_names(constant)
