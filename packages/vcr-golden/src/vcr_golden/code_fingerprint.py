"""What a function is, as far as its behaviour goes: the code of it and of what it calls in the user's own modules.

Bytecode, constants and names count; docstrings, line numbers and file names do not.  Values of the module, of closures
and of defaults count where they are immutable, and so do those of own modules and classes that the function names by an
attribute; a dict, list or set only if its name is in capitals and the function does not change it, since others are
state rather than code.  What is called by an attribute is found if a module or class holds it.  Code of installed
packages and of the standard library counts by name only.
"""

from __future__ import annotations

import dis
import enum
import functools
import hashlib
import inspect
import sys
import sysconfig
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

from vcr_core.runtime_types import importable_name
from vcr_golden.in_place_changes import changed_in_place

_PRIMITIVES = (str, bytes, int, float, complex, bool, type(None))


def function_name(function: Any) -> str:
    """Return ``module:qualified.name``; a module run as a script goes by its file's name."""
    module = getattr(function, "__module__", None) or "?"
    return f"{importable_name(module)}:{getattr(function, '__qualname__', type(function).__qualname__)}"


class CodeMap:
    """The functions that some functions reach, each with a digest of its own code.

    Attributes:
        digests: By ``module:qualified.name``; two functions of one name are taken together.
    """

    def __init__(self, *roots: Any) -> None:
        self.digests: dict[str, str] = {}
        self._seen: set[int] = set()
        self._keep: list[Any] = []
        for root in roots:
            self._visit(root)

    def _visit(self, target: Any) -> None:
        for function in functions_in(target):
            if id(function.__code__) in self._seen or not _is_own(function):
                continue
            self._seen.add(id(function.__code__))
            self._keep.append(function)
            name, digest = function_name(function), _own_digest(function)
            before = self.digests.get(name)
            self.digests[name] = digest if before is None else _hash("+".join(sorted([before, digest])))
            for called in _called(function):
                self._visit(called)

    def digest(self) -> str:
        """Return one digest of them all."""
        return _hash("\n".join(f"{name}={digest}" for name, digest in sorted(self.digests.items())))


def fingerprint(function: Any) -> str | None:
    """Return the digest of a function and of what it reaches; None if it is not written in Python."""
    found = CodeMap(function)
    return found.digest() if found.digests else None


def functions_in(target: Any) -> Iterator[types.FunctionType]:
    """Yield the plain functions behind a callable: unwrapped, of a method, of a class, of a partial."""
    while isinstance(target, functools.partial):
        yield from (f for value in (*target.args, *target.keywords.values()) for f in _callables(value))
        target = target.func
    if inspect.isclass(target):
        for member in _own_members(target):
            function = getattr(member, "__func__", None) or getattr(member, "fget", None) or member
            if isinstance(function, types.FunctionType):
                yield from functions_in(function)
        return
    target = getattr(target, "__func__", target)
    if not isinstance(target, types.FunctionType):
        inside = getattr(target, "__wrapped__", None)
        call = _call_method(target)
        if inside is not None:
            yield from functions_in(inside)
        elif isinstance(call, types.FunctionType):
            yield from functions_in(call)
        return
    wrapped: Any = inspect.unwrap(target)
    wrapped = getattr(wrapped, "__func__", wrapped)
    if isinstance(wrapped, types.FunctionType):
        yield wrapped
        if wrapped is not target and _is_own(target):
            yield target


def _own_members(owner: Any) -> list[Any]:
    return [*owner.__dict__.values()]


def _call_method(target: Any) -> Any:
    return getattr(target.__class__, "__call__", None)  # noqa: B004  # the method itself is wanted


def _callables(value: Any) -> Iterator[types.FunctionType]:
    if callable(value) and not inspect.isclass(value):
        yield from functions_in(value)


@functools.cache
def _foreign_roots() -> tuple[str, ...]:
    paths = sysconfig.get_paths()
    own = str(Path(__file__).resolve().parent)
    core = str(Path(sys.modules["vcr_core"].__file__ or own).resolve().parent)
    return (*{str(Path(paths[name]).resolve()) for name in ("stdlib", "platstdlib", "purelib", "platlib")}, own, core)


@functools.cache
def _is_own_file(path: str) -> bool:
    return not path.startswith("<frozen") and not str(Path(path).resolve()).startswith(_foreign_roots())


def _is_own(function: types.FunctionType) -> bool:
    return _is_own_file(function.__code__.co_filename)


def _own_digest(function: types.FunctionType) -> str:
    parts = [*_code_parts(function.__code__, function.__doc__)]
    parts += [f"default {_value_text(value)}" for value in function.__defaults__ or ()]
    parts += [f"default {name}={_value_text(v)}" for name, v in sorted((function.__kwdefaults__ or {}).items())]
    reached = _reached(function)
    changed = _stored_names(function.__code__) | changed_in_place(function.__code__)
    state = {_place(name, reached) for name in changed}
    for name, value in sorted(reached.items()):
        if _place(name, reached) not in state and _is_constant(name, value):
            parts.append(f"value {name}={_value_text(value)}")
    return _hash("\n".join(parts))


def _place(name: str, reached: dict[str, Any]) -> tuple[str | int, str]:
    """Return what holds a name and its last part, alike for all the names that one holder goes by."""
    holder, _, last = name.rpartition(".")
    return id(reached[holder]) if holder in reached else holder, last


def _code_parts(code: types.CodeType, doc: str | None = None) -> Iterator[str]:
    yield code.co_code.hex()
    yield repr((code.co_names, code.co_varnames, code.co_freevars, code.co_argcount, code.co_kwonlyargcount))
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            inner = constant.co_consts[0] if constant.co_consts else None
            yield from _code_parts(constant, inner if isinstance(inner, str) else None)
        elif doc is None or constant is not doc:
            yield _value_text(constant)
        else:
            yield "doc"


def _stored_names(code: types.CodeType) -> set[str]:
    found = {str(i.argval) for i in dis.get_instructions(code) if i.opname in ("STORE_GLOBAL", "STORE_DEREF")}
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            found |= _stored_names(constant)
    return found


def _is_constant(name: str, value: Any) -> bool:
    if value is None:
        return "." not in name  # of an attribute: also what is not made yet
    if isinstance(value, _PRIMITIVES):
        return True
    if isinstance(value, enum.Enum):
        return _is_constant(name, value.value)
    if isinstance(value, (tuple, frozenset)):
        return all(_is_constant(name, item) for item in cast("tuple[object, ...]", value))
    return name.rpartition(".")[2].isupper() and isinstance(value, (dict, list, set))


def _value_text(value: Any) -> str:
    if isinstance(value, _PRIMITIVES):
        return f"{type(value).__name__} {value!r}"
    if isinstance(value, (set, frozenset)):
        return f"set {sorted(_value_text(item) for item in cast('set[object]', value))}"
    if isinstance(value, (tuple, list)):
        return f"list {[_value_text(item) for item in cast('list[object]', value)]}"
    if isinstance(value, dict):
        fields = cast("dict[object, object]", value)
        return f"dict {sorted((_value_text(k), _value_text(v)) for k, v in fields.items())}"
    if isinstance(value, enum.Enum):
        return f"member {value.name} {_value_text(value.value)}"
    return f"object {type(value).__qualname__}"


def _names(code: types.CodeType) -> set[str]:
    found = set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            found |= _names(constant)
    return found


def _referred(function: types.FunctionType) -> dict[str, Any]:
    """Return what the names of a function stand for: globals and what its closure holds."""
    names = _names(function.__code__)
    found = {name: function.__globals__[name] for name in names if name in function.__globals__}
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=False):
        try:
            found[name] = cell.cell_contents
        except ValueError:
            continue  # not assigned yet
    return found


def _reached(function: types.FunctionType) -> dict[str, Any]:
    """Return what a function refers to, by dotted name: also what it names of own modules and classes.

    What its own class holds goes by the name of its first argument.
    """
    code = function.__code__
    found = {**_referred(function), **{name: sys.modules[name] for name in _imported(code) if name in sys.modules}}
    owner = _class_of(function)
    if owner is not None and code.co_argcount:
        found[code.co_varnames[0]] = owner
    names = sorted(name for name in _names(code) if not name.startswith("__"))
    paths, seen = sorted(found), set[int]()
    for path in paths:  # which grow on the way
        holder = found[path]
        if id(holder) not in seen and _is_own_holder(holder):
            seen.add(id(holder))
            members = _members(holder)
            inside = {f"{path}.{name}": members[name] for name in names if name in members}
            found.update(inside)
            paths += inside
    return found


def _imported(code: types.CodeType) -> set[str]:
    found = {str(i.argval) for i in dis.get_instructions(code) if i.opname == "IMPORT_NAME"}
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            found |= _imported(constant)
    return found


def _class_of(function: types.FunctionType) -> type[Any] | None:
    """Return the class that a method is found in, None for a plain function."""
    owner: Any = sys.modules.get(function.__module__ or "")
    for part in function.__qualname__.split(".")[:-1]:
        owner = getattr(owner, part, None)
    return owner if inspect.isclass(owner) else None


def _is_own_holder(value: Any) -> bool:
    module = sys.modules.get(value.__module__) if inspect.isclass(value) else value
    if not isinstance(module, types.ModuleType):
        return False
    return module.__name__ == "__main__" or _is_own_file(getattr(module, "__file__", None) or "<frozen>")


def _members(holder: types.ModuleType | type[Any]) -> dict[str, Any]:
    if isinstance(holder, types.ModuleType):
        return vars(holder)
    members: dict[str, Any] = {}
    for base in filter(_is_own_holder, reversed(holder.__mro__)):
        members |= vars(base)
    return {**members, **holder.__members__} if issubclass(holder, enum.Enum) else members


def _called(function: types.FunctionType) -> Iterator[Any]:
    return (value for value in _reached(function).values() if callable(value))


def _hash(text: str) -> str:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()
