"""From statements to facts: the one place that knows both `ast` and the fact tuples.

Nothing here looks at other files or decides what is wrong.
"""

from __future__ import annotations

import ast

from vcr_sentinel.complexity import FunctionNode, counted_parameters, measure_body
from vcr_sentinel.facts import (
    ASYNC,
    CONDITIONAL,
    METHOD,
    NESTED,
    NOT_IMPLEMENTED,
    STUB,
    Binding,
    ClassFacts,
    Core,
    Detail,
    FunctionFacts,
    Signature,
)
from vcr_sentinel.fingerprints import NO_GRAMS, Grams, blind, hash_tokens, rename_locals
from vcr_sentinel.token_stream import (
    IN_FUNCTION,
    Call,
    DefinitionNode,
    Import,
    Stream,
    Swallowed,
    calls_of,
    dotted_name,
    imports_of,
    read_tokens,
)

MIN_TOKENS = 12  # smaller bodies are never compared
NEAR_TOKENS = 60  # smaller bodies have no fingerprints for near-misses
NEAR_STATEMENTS = 5
NO_LINE = -1  # of a name bound by a `global` statement
_CONSTRUCTORS = frozenset({"__init__", "__new__", "__call__", "__getattr__"})


def extract(statements: list[ast.stmt], *, prefix: str, offset: int, in_class: bool) -> tuple[Core, Detail]:
    """The facts of neighbouring statements.

    Args:
        statements: as parsed.
        prefix: qualified name of the class they stand in with a trailing dot, or empty.
        offset: added to every line number.
        in_class: whether they are members of a class.
    """
    collector = _Collector(offset)
    for node in statements:
        collector.visit(node, prefix, in_class=in_class, flags=0)
    return collector.core(), collector.detail()


def extract_class_header(node: ast.ClassDef, *, prefix: str, offset: int) -> tuple[Core, Detail]:
    """The facts of a class without its body."""
    collector = _Collector(offset)
    collector.class_header(node, prefix, flags=0)
    return collector.core(), collector.detail()


class _Collector:
    def __init__(self, offset: int) -> None:
        self.offset = offset
        self.functions: list[FunctionFacts] = []
        self.grams: list[Grams] = []
        self.classes: list[ClassFacts] = []
        self.bindings: list[Binding] = []
        self.imports: list[Import] = []
        self.calls: list[Call] = []
        self.swallowed: list[Swallowed] = []
        self.dynamic = False

    def core(self) -> Core:
        return Core(tuple(self.functions), tuple(self.classes), tuple(self.bindings), tuple(self.imports),
                    self.dynamic)  # fmt: skip

    def detail(self) -> Detail:
        return Detail(tuple(self.calls), tuple(self.swallowed), tuple(self.grams))

    def visit(self, node: ast.stmt, prefix: str, *, in_class: bool, flags: int) -> None:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            self.function(node, prefix, in_class=in_class, flags=flags)
        elif isinstance(node, ast.ClassDef):
            self.class_header(node, prefix, flags=flags)
            for member in node.body:
                self.visit(member, f"{prefix}{node.name}.", in_class=True, flags=flags)
        else:
            self.plain_statement(node, prefix, in_class=in_class, flags=flags)

    def plain_statement(self, node: ast.stmt, prefix: str, *, in_class: bool, flags: int) -> None:
        stream = read_tokens([node], into_definitions=False)
        self._take(stream, local_names=set(), flags=0)
        line = node.lineno + self.offset
        defined = {definition.name for definition in stream.definitions}
        for name in sorted(stream.bound - defined):
            if not in_class:
                self.bindings.append(Binding(name, "var", line))
            elif name in _CONSTRUCTORS:
                self.bindings.append(Binding(prefix + name, "var", line))
        for definition in stream.definitions:
            self.visit(definition, prefix, in_class=in_class, flags=flags | CONDITIONAL)

    def class_header(self, node: ast.ClassDef, prefix: str, *, flags: int) -> None:
        bases = tuple(dotted_name(base) or "?" for base in node.bases)
        line = node.lineno + self.offset
        plain = not (bases or node.keywords or node.decorator_list)
        self.classes.append(ClassFacts(prefix + node.name, line, bases, plain, flags))
        if not prefix:
            self.bindings.append(Binding(node.name, "class", line))

    def function(self, node: FunctionNode, prefix: str, *, in_class: bool, flags: int) -> None:
        if not prefix:
            self.bindings.append(Binding(node.name, "def", node.lineno + self.offset))
        body = _without_docstring(node.body)
        stream = read_tokens([*_signature_roots(node.args), *body], into_definitions=True)
        local_names = stream.bound - stream.global_names
        self._take(stream, local_names=local_names, flags=IN_FUNCTION)
        kind = flags | (METHOD if in_class else 0)
        facts = self._facts(node, prefix, kind, body, stream.asserts)
        if facts.statements >= 2 and len(stream.tokens) >= MIN_TOKENS:
            facts, grams = _fingerprint(facts, stream, local_names, facts.statements)
        else:
            grams = NO_GRAMS
        self._add(facts, grams)
        if stream.definitions:
            self._nested(node.body, f"{prefix}{node.name}.", in_class=False)

    def _take(self, stream: Stream, *, local_names: set[str], flags: int) -> None:
        offset = self.offset
        self.calls.extend(calls_of(stream, local_names=local_names, offset=offset))
        if stream.imports:
            self.imports.extend(imports_of(stream, flags=flags, offset=offset))
        for caught in stream.swallowed:
            self.swallowed.append(caught._replace(line=caught.line + offset))
        for name in sorted(stream.global_names):
            self.bindings.append(Binding(name, "var", NO_LINE))
        # A module that writes into its own namespace may define anything.
        at_module_level = not flags and (stream.dynamic > 0 or ".modules" in stream.tokens)
        self.dynamic = self.dynamic or stream.dynamic > 1 or at_module_level

    def _nested(self, body: list[ast.stmt], prefix: str, *, in_class: bool) -> None:
        for definition in _definitions_in(body):
            if not isinstance(definition, ast.ClassDef):
                flags = NESTED | (METHOD if in_class else 0)
                own = _without_docstring(definition.body)
                self._add(self._facts(definition, prefix, flags, own, 0), NO_GRAMS)
            inside = isinstance(definition, ast.ClassDef)
            self._nested(definition.body, f"{prefix}{definition.name}.", in_class=inside)

    def _add(self, facts: FunctionFacts, grams: Grams) -> None:
        self.functions.append(facts)
        self.grams.append(grams)

    def _facts(self, node: FunctionNode, prefix: str, flags: int, body: list[ast.stmt], asserts: int) -> FunctionFacts:
        complexity, statements = measure_body(node.body)
        decorators = tuple(dotted_name(item) for item in node.decorator_list)
        start = min([node.lineno, *(item.lineno for item in node.decorator_list)])
        flags |= _body_kind(body) | (ASYNC if isinstance(node, ast.AsyncFunctionDef) else 0)
        return FunctionFacts(
            name=node.name,
            qualname=prefix + node.name,
            start=start + self.offset,
            line=node.lineno + self.offset,
            end=(node.end_lineno or node.lineno) + self.offset,
            complexity=complexity,
            parameters=counted_parameters(node, method=bool(flags & METHOD), decorators=decorators),
            statements=statements - (len(node.body) - len(body)),
            asserts=asserts,
            flags=flags,
            tokens=0,
            exact=0,
            renamed=0,
            decorators=decorators,
            signature=_signature(node.args),
        )


def _fingerprint(
    facts: FunctionFacts, stream: Stream, local_names: set[str], statements: int
) -> tuple[FunctionFacts, Grams]:
    tokens = stream.tokens
    renamed = rename_locals(tokens, stream.names, local_names, facts.name)
    grams = NO_GRAMS
    if len(tokens) >= NEAR_TOKENS and statements >= NEAR_STATEMENTS:
        grams = Grams(renamed=renamed, constants=stream.constants)
    facts = facts._replace(tokens=len(tokens), exact=hash_tokens(tokens), renamed=hash_tokens(renamed))
    return facts, grams


def function_tokens(node: FunctionNode) -> tuple[list[str], list[str], list[str]]:
    """The exact, renamed and blind tokens of one function, as they were fingerprinted."""
    stream = read_tokens([*_signature_roots(node.args), *_without_docstring(node.body)], into_definitions=True)
    renamed = rename_locals(stream.tokens, stream.names, stream.bound - stream.global_names, node.name)
    return stream.tokens, renamed, blind(renamed, stream.constants)


def _definitions_in(body: list[ast.stmt]) -> list[DefinitionNode]:
    return read_tokens(list(body), into_definitions=False).definitions


def _without_docstring(body: list[ast.stmt]) -> list[ast.stmt]:
    first = body[0]
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
        return body[1:]
    return body


def _body_kind(body: list[ast.stmt]) -> int:
    if len(body) > 1:
        return 0
    if not body:
        return STUB
    only = body[0]
    if isinstance(only, ast.Pass):
        return STUB
    if isinstance(only, ast.Expr) and isinstance(only.value, ast.Constant) and only.value.value is Ellipsis:
        return STUB
    if isinstance(only, ast.Raise) and only.exc is not None and dotted_name(only.exc) == "NotImplementedError":
        return STUB | NOT_IMPLEMENTED
    return 0


def _signature_roots(arguments: ast.arguments) -> list[ast.AST | str]:
    roots: list[ast.AST | str] = [*arguments.posonlyargs, "/", *arguments.args, "*"]
    if arguments.vararg:
        roots.append(arguments.vararg)
    roots += [",", *arguments.kwonlyargs, "**"]
    if arguments.kwarg:
        roots.append(arguments.kwarg)
    roots += ["=", *arguments.defaults, *(item or "None" for item in arguments.kw_defaults), ":"]
    return roots


def _signature(arguments: ast.arguments) -> Signature:
    required = tuple(
        item.arg for item, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True) if default is None
    )
    return Signature(
        positional_only=tuple([item.arg for item in arguments.posonlyargs]),
        positional=tuple([item.arg for item in arguments.args]),
        defaults=len(arguments.defaults),
        keyword_only=tuple([item.arg for item in arguments.kwonlyargs]),
        keyword_required=required,
        var_positional=arguments.vararg is not None,
        var_keyword=arguments.kwarg is not None,
    )
