"""What a function changes where it stands: ``CACHE[key] = 1``, ``prompts.SEEN.append(x)``, ``state.calls += 1``.

Read from the bytecode: each name that is loaded is followed for as long as it lies on the stack, by the documented
effects of the instructions on its height (`dis.stack_effect`), so that a change of another value beside it is not taken
for one of it.  What is changed behind another name, in a loop over it, or under a key that is chosen by a condition is
not seen.
"""

from __future__ import annotations

import dis
import types
from typing import Any, cast

_MUTATORS = frozenset(
    {"append", "add", "extend", "insert", "update", "setdefault", "pop", "popitem", "remove", "discard", "clear"}
)
_LOADS = ("LOAD_GLOBAL", "LOAD_NAME", "LOAD_DEREF", "LOAD_FAST", "STORE_FAST_LOAD_FAST")
_ATTRIBUTES = ("LOAD_ATTR", "LOAD_METHOD")
# What leaves a part of the value, or the value itself, in its place.
_THROUGH = (*_ATTRIBUTES, "BINARY_SUBSCR", "EXTENDED_ARG")
# How high the stack is from the value on, when it is what these change.
_CHANGES = {"STORE_SUBSCR": 2, "DELETE_SUBSCR": 2, "STORE_SLICE": 3, "STORE_ATTR": 1, "DELETE_ATTR": 1}
# What stands before these in an augmented assignment, whose new value is moved below.
_REORDERS = ("SWAP", "ROT_TWO", "ROT_THREE", "ROT_FOUR")


def changed_in_place(code: types.CodeType) -> set[str]:
    """Return the dotted names of what code changes in place; an attribute that it sets is one of them."""
    instructions = list(dis.get_instructions(code))
    found: set[str] = set()
    for position, instruction in enumerate(instructions):
        if instruction.opname.startswith(_LOADS):
            loaded: Any = instruction.argval
            # Of an instruction that loads two values the second lies on top.
            name = str(cast("tuple[object, ...]", loaded)[-1] if isinstance(loaded, tuple) else loaded)
            changed = _changed_behind(name, instructions, position + 1)
            found |= {changed} if changed is not None else set()
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            found |= changed_in_place(constant)
    return found


def _changed_behind(path: str, instructions: list[dis.Instruction], start: int) -> str | None:
    """Return the name of what is changed of the value loaded before `start`; None if it is used up unchanged."""
    height, reordered = 1, False
    for position in range(start, len(instructions)):
        instruction = instructions[position]
        operation = instruction.opname
        if operation in _CHANGES and height == _CHANGES[operation] + reordered:
            return f"{path}.{instruction.argval}" if operation.endswith("_ATTR") else path
        if operation in _ATTRIBUTES and height == 1:
            if instruction.argval in _MUTATORS:
                return path
            path = f"{path}.{instruction.argval}"
        height += dis.stack_effect(instruction.opcode, instruction.arg)
        if height < 1 or (height == 1 and operation not in _THROUGH):
            return None
        reordered = operation in _REORDERS
    return None
