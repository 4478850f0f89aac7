"""One pass over a piece of syntax: its tokens, and the calls, imports and handlers met on the way.

The tokens are node kinds and names in pre-order, without docstring, annotations and decorators, and without regard to
layout. Fingerprints of these tokens belong to `fingerprints`; what the facts mean belongs to the rules.
"""

from __future__ import annotations

import ast
import builtins
import sys
from typing import Any, NamedTuple

from vcr_sentinel.fingerprints import hash_tokens

DefinitionNode = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef

_DROPPED = frozenset(
    {"ctx", "type_comment", "kind", "type_ignores", "annotation", "returns", "decorator_list", "type_params"}
)
_KINDS: tuple[type[ast.AST], ...] = tuple(
    value for value in vars(ast).values() if isinstance(value, type) and issubclass(value, ast.AST)
)
_FIELDS: dict[type[ast.AST], tuple[str, ...]] = {
    kind: tuple(name for name in reversed(kind._fields) if name not in _DROPPED) for kind in _KINDS
}
_MARK: dict[type[ast.AST], str] = {kind: f"<{kind.__name__}>" for kind in _KINDS}
# Names that these bind are emitted by their own visitors, so that they can be renamed.
for _kind, _name in (
    (ast.ExceptHandler, "name"),
    (ast.MatchAs, "name"),
    (ast.MatchStar, "name"),
    (ast.MatchMapping, "rest"),
):
    _FIELDS[_kind] = tuple(name for name in _FIELDS[_kind] if name != _name)
_FIELDS[type(None)] = ()  # type: ignore[index]  # lists of children hold None, as in `{**more}`
_MARK[type(None)] = "<None>"  # type: ignore[index]  # as above
_END = "<>"
_BUILTINS = frozenset(dir(builtins)) | {"self", "cls", "super", "mcs"}
_IMPORT_ERRORS = frozenset({"ImportError", "ModuleNotFoundError", "Exception", "BaseException", "AttributeError"})

# Calls that may bind any name: 2 wherever they stand, 1 only at module level.
_DYNAMIC = {"globals": 2, "exec": 2, "setattr": 1, "vars": 1, "locals": 1}

STAR, DOUBLE_STAR, GUARDED, IN_FUNCTION, TYPING_ONLY, CONDITIONAL = 1, 2, 4, 8, 16, 32


class Call(NamedTuple):
    """A call of a dotted name that is not a local of the function it stands in."""

    name: str
    positional: int
    keywords: tuple[str, ...]
    flags: int
    line: int


class Import(NamedTuple):
    """One imported name: `name` is empty for `import module`, `*` for a star import."""

    level: int
    module: str
    name: str
    bound: str
    flags: int
    line: int


class Swallowed(NamedTuple):
    """An exception handler that catches everything and does nothing. `guarded` is a hash of what its `try` runs."""

    line: int
    caught: str
    guarded: int


class Stream:
    """What one pass collected. `names` and `constants` are positions in `tokens`."""

    __slots__ = ("asserts", "bound", "calls", "constants", "definitions", "dynamic", "global_names", "guards",
                 "imports", "names", "swallowed", "tokens")  # fmt: skip

    def __init__(self) -> None:
        self.tokens: list[str] = []
        self.names: list[tuple[int, str]] = []
        self.constants: list[tuple[int, str]] = []
        self.bound: set[str] = set()
        self.global_names: set[str] = set()
        self.calls: list[tuple[ast.Call, ast.expr]] = []
        self.imports: list[ast.stmt] = []
        self.guards: list[tuple[int, int, int]] = []
        self.definitions: list[DefinitionNode] = []
        self.swallowed: list[Swallowed] = []
        self.asserts = 0
        self.dynamic = 0


def read_tokens(roots: list[Any], *, into_definitions: bool) -> Stream:  # noqa: C901  # the hot loop
    """Walk `roots` in order.

    Args:
        roots: statements and expressions.
        into_definitions: also walk the bodies of functions and classes met (as for the body of a function); otherwise
            they are only listed in `definitions`.
    """
    stream = Stream()
    tokens, names, constants, bound, calls = stream.tokens, stream.names, stream.constants, stream.bound, stream.calls
    emit = tokens.append
    stack: list[Any] = roots[::-1]
    pop, push = stack.pop, stack.append
    name_kind, constant_kind, attribute_kind, load_kind, call_kind, ast_kind = (
        ast.Name, ast.Constant, ast.Attribute, ast.Load, ast.Call, ast.AST)  # fmt: skip
    special = _SPECIAL
    fields, marks, end = _FIELDS, _MARK, _END
    while stack:
        node = pop()
        kind = node.__class__
        if kind is str:
            emit(node)
            continue
        if kind is name_kind:
            identifier = node.id
            names.append((len(tokens), identifier))
            if node.ctx.__class__ is not load_kind:
                bound.add(identifier)
            emit(identifier)
            continue
        if kind is attribute_kind:
            emit("." + node.attr)
            push(node.value)
            continue
        if kind is constant_kind:
            value = node.value
            constants.append((len(tokens), value.__class__.__name__))
            emit(repr(value))
            continue
        emit(marks[kind])
        if kind is call_kind:
            calls.append((node, node.func))
            push(end)
            if node.keywords:
                stack.extend(node.keywords[::-1])
            if node.args:
                stack.extend(node.args[::-1])
            push(node.func)
            continue
        if kind in special and special[kind](node, stream, into_definitions):
            continue
        for field in fields[kind]:
            value = getattr(node, field, None)
            if value.__class__ is list:
                push(end)
                if value:
                    stack.extend(value[::-1])
            elif isinstance(value, (ast_kind, str)):
                push(value)
    return stream


def _bind(identifier: str | None, stream: Stream) -> None:
    if identifier:
        stream.names.append((len(stream.tokens), identifier))
        stream.bound.add(identifier)
        stream.tokens.append(identifier)


def _see_import(node: ast.stmt, stream: Stream, _into: bool) -> bool:
    stream.imports.append(node)
    return False


def _see_definition(node: DefinitionNode, stream: Stream, into: bool) -> bool:
    stream.definitions.append(node)
    if into:
        stream.names.append((len(stream.tokens), node.name))
    stream.bound.add(node.name)
    return not into


def _see_try(node: ast.Try, stream: Stream, _into: bool) -> bool:
    for handler in node.handlers:
        caught = _caught(handler)
        names = {_last_name(item) for item in caught}
        if (not caught or names & {"Exception", "BaseException"}) and all(map(_does_nothing, handler.body)):
            words = "everything" if not caught else ", ".join(sorted(names))
            stream.swallowed.append(Swallowed(handler.lineno, words, hash_tokens(_words_of(node.body))))
    for handler in node.handlers:
        names = {_last_name(item) for item in _caught(handler)}
        if not names or names & _IMPORT_ERRORS:
            stream.guards.append((node.lineno, node.end_lineno or node.lineno, GUARDED))
            return False
    return False


def _words_of(body: list[ast.stmt]) -> list[str]:
    """Node kinds, names and constants of statements: equal for every layout and in every process."""
    words: list[str] = []
    for node in (inner for statement in body for inner in ast.walk(statement)):
        words.append(node.__class__.__name__)
        if isinstance(node, ast.Constant):
            words.append(repr(node.value))
        else:
            words += [value for _, value in ast.iter_fields(node) if isinstance(value, str)]
    return words


def _see_with(node: ast.With | ast.AsyncWith, stream: Stream, _into: bool) -> bool:
    for item in node.items:
        call = item.context_expr
        if isinstance(call, ast.Call):
            name = _last_name(call.func)
            if name == "suppress":
                stream.guards.append((node.lineno, node.end_lineno or node.lineno, GUARDED))
            elif name in {"raises", "warns", "deprecated_call"}:
                stream.asserts += 1
    return False


def _see_if(node: ast.If, stream: Stream, _into: bool) -> bool:
    flag = TYPING_ONLY if _last_name(node.test) == "TYPE_CHECKING" else CONDITIONAL
    stream.guards.append((node.lineno, node.end_lineno or node.lineno, flag))
    return False


def _see_handler(node: ast.ExceptHandler, stream: Stream, _into: bool) -> bool:
    _bind(node.name, stream)
    return False


def _see_global(node: ast.Global, stream: Stream, _into: bool) -> bool:
    stream.global_names.update(node.names)
    return False


def _see_argument(node: ast.arg, stream: Stream, _into: bool) -> bool:
    _bind(node.arg, stream)
    return True


def _see_pattern(node: Any, stream: Stream, _into: bool) -> bool:
    _bind(getattr(node, "name", None) or getattr(node, "rest", None), stream)
    return False


def _see_singleton(node: ast.MatchSingleton, stream: Stream, _into: bool) -> bool:
    stream.tokens.append(repr(node.value))
    return True


def _see_assert(_node: ast.Assert, stream: Stream, _into: bool) -> bool:
    stream.asserts += 1
    return False


_SPECIAL: dict[type[ast.AST], Any] = {
    ast.Import: _see_import,
    ast.ImportFrom: _see_import,
    ast.FunctionDef: _see_definition,
    ast.AsyncFunctionDef: _see_definition,
    ast.ClassDef: _see_definition,
    ast.Try: _see_try,
    ast.With: _see_with,
    ast.AsyncWith: _see_with,
    ast.If: _see_if,
    ast.ExceptHandler: _see_handler,
    ast.Global: _see_global,
    ast.arg: _see_argument,
    ast.MatchAs: _see_pattern,
    ast.MatchStar: _see_pattern,
    ast.MatchMapping: _see_pattern,
    ast.MatchSingleton: _see_singleton,
    ast.Assert: _see_assert,
}
if sys.version_info >= (3, 11):
    _SPECIAL[ast.TryStar] = _see_try


def _caught(handler: ast.ExceptHandler) -> list[ast.expr]:
    if handler.type is None:
        return []
    return list(handler.type.elts) if isinstance(handler.type, ast.Tuple) else [handler.type]


def _does_nothing(node: ast.stmt) -> bool:
    if isinstance(node, (ast.Pass, ast.Continue)):
        return True
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _last_name(node: ast.expr) -> str:
    if isinstance(node, ast.Name):
        return node.id
    return node.attr if isinstance(node, ast.Attribute) else ""


def dotted_name(node: ast.expr) -> str:
    """`a.b.c` for such an expression (the callee of a call, for a call), else an empty string."""
    if isinstance(node, ast.Call):
        node = node.func
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return ""
    parts.append(node.id)
    return ".".join(reversed(parts))


def calls_of(stream: Stream, *, local_names: set[str], offset: int) -> list[Call]:
    """The calls worth resolving: of dotted names whose root is neither local nor a builtin.

    Also counts assertion calls (`self.assertEqual`, `assert_allclose`) into `stream.asserts` and notes names that
    make a namespace dynamic.
    """
    found: list[Call] = []
    for node, func in stream.calls:
        stream.asserts += _last_name(func).startswith("assert")
        if isinstance(func, ast.Name):
            name = root = func.id
            if name in _DYNAMIC:
                stream.dynamic = max(stream.dynamic, _DYNAMIC[name])
        elif isinstance(func, ast.Attribute):
            name = dotted_name(func)
            root = name.partition(".")[0]
        else:
            continue
        if root and root not in _BUILTINS and root not in local_names:
            found.append(_call(node, name, offset))
    return found


def _call(node: ast.Call, name: str, offset: int) -> Call:
    flags = 0
    positional = len(node.args)
    for argument in node.args:
        if argument.__class__ is ast.Starred:
            flags |= STAR
    keywords: tuple[str, ...] = ()
    if node.keywords:
        keywords = tuple(keyword.arg for keyword in node.keywords if keyword.arg)
        if len(keywords) != len(node.keywords):
            flags |= DOUBLE_STAR
    return Call(name, positional, keywords, flags, node.lineno + offset)


def imports_of(stream: Stream, *, flags: int, offset: int) -> list[Import]:
    """The imports met, each with what guards it (`try … except ImportError`, `if TYPE_CHECKING`)."""
    found: list[Import] = []
    for node in stream.imports:
        own = flags
        for first, last, flag in stream.guards:
            if first <= node.lineno <= last:
                own |= flag
        line = node.lineno + offset
        if isinstance(node, ast.Import):
            for alias in node.names:
                bound = alias.asname or alias.name.partition(".")[0]
                found.append(Import(0, alias.name, "", bound, own | (STAR if alias.asname else 0), line))
        elif isinstance(node, ast.ImportFrom):
            found.extend(
                Import(node.level, node.module or "", alias.name, alias.asname or alias.name, own, line)
                for alias in node.names
            )
    return found
