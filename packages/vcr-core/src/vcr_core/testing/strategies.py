"""Hypothesis strategies: values of every kind, states, and whole histories of states.

A history is what an agent does to its state between steps: it appends, changes in place, removes, reorders, aliases
and replaces.  It is made as a list of moves, so that a failing one shrinks to the moves that matter.
"""

from __future__ import annotations

import datetime as dt
import pathlib
from collections import deque
from collections.abc import Callable
from typing import Any, cast

from hypothesis import strategies as st

from vcr_core.runtime_types import type_of
from vcr_core.testing import samples

State = dict[str, Any]
Move = Callable[[State], State]

UTC = dt.timezone.utc
_NAMES = st.sampled_from(["messages", "plan", "n", "a/b", "~", "-", "", "$vcr", "value", "name", "éa", "notes", "done"])


def texts() -> st.SearchStrategy[str]:
    """Texts, with characters that JSON escapes, and lone surrogates, which UTF-8 cannot hold."""
    return st.one_of(
        st.text(st.characters(exclude_categories=()), max_size=12),
        st.sampled_from(["", "\ud800", "a\x00b", '"\\/', "\u2028", "😀", "$vcr", "-0"]),
    )


def plain_leaves() -> st.SearchStrategy[Any]:
    """Leaves that JSON has, or nearly has."""
    numbers = st.one_of(
        st.integers(-5, 5), st.integers(-(2**80), 2**80), st.floats(), st.sampled_from([0.0, -0.0, 1.0, True, 1])
    )
    return st.one_of(st.none(), st.booleans(), numbers, texts())


def typed_leaves() -> st.SearchStrategy[Any]:
    """Leaves of the standard library's types and of `vcr_core.testing.samples`."""
    zones = st.one_of(st.none(), st.just(UTC), st.just(dt.timezone(dt.timedelta(hours=5, minutes=45))))
    return st.one_of(
        st.binary(max_size=20),
        st.binary(max_size=20).map(bytearray),
        st.datetimes(timezones=zones),
        st.datetimes().map(lambda value: value.replace(fold=1)),
        st.dates(),
        st.times(timezones=st.one_of(st.none(), st.just(UTC))),
        st.timedeltas(),
        st.decimals(),
        st.uuids(),
        st.complex_numbers(),
        st.builds(range, st.integers(-9, 9), st.integers(-9, 9), st.sampled_from([1, 2, -3])),
        st.builds(slice, st.none() | st.integers(0, 9), st.integers(0, 9), st.none()),
        st.sampled_from(["a/b", "/etc/hosts", ".", "é"]).map(pathlib.Path),
        st.sampled_from(["a/b", "x y"]).map(pathlib.PurePosixPath),
        st.sampled_from([r"C:\a", r"b\c"]).map(pathlib.PureWindowsPath),
        st.sampled_from([*samples.Color, *samples.Level, *samples.Access, samples.Access.READ | samples.Access.WRITE]),
        st.builds(samples.Place, st.integers(0, 9), texts()),
    )


def hashables() -> st.SearchStrategy[Any]:
    """Values that may be keys of dicts and members of sets."""
    leaves = st.one_of(
        st.none(),
        st.integers(-(2**70), 2**70),
        texts(),
        st.binary(max_size=8),
        st.dates(),
        st.sampled_from(list(samples.Color)),
        st.builds(samples.Place, st.integers(0, 9), texts()),
    )
    return st.one_of(leaves, st.tuples(leaves, leaves), st.frozensets(leaves, max_size=3))


def values(*, plain: bool = False) -> st.SearchStrategy[Any]:
    """Any value; with `plain`, only what JSON has."""
    if plain:
        return st.recursive(plain_leaves(), lambda inner: st.lists(inner, max_size=4) | dicts(inner), max_leaves=10)
    return st.recursive(st.one_of(plain_leaves(), typed_leaves()), _containers, max_leaves=10)


def dicts(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Dicts with string keys."""
    return st.dictionaries(_NAMES | texts(), inner, max_size=4)


def _containers(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(
        st.lists(inner, max_size=4),
        dicts(inner),
        st.dictionaries(hashables(), inner, max_size=3),
        st.lists(inner, max_size=3).map(tuple),
        st.builds(_deque, st.lists(inner, max_size=3), st.none() | st.integers(3, 4)),
        st.sets(hashables(), max_size=3),
        st.frozensets(hashables(), max_size=3),
        st.lists(st.integers(0, 3) | st.booleans(), min_size=16, max_size=18),
        st.lists(st.floats(allow_nan=False), min_size=16, max_size=18),
        st.builds(samples.Plan, inner, st.lists(inner, max_size=2)),
        st.builds(samples.Message, texts(), inner),
        st.builds(samples.Pair, inner, inner),
        st.builds(samples.Note, inner),
        st.builds(samples.AgentError, texts(), st.integers(0, 9)),
    )


def _deque(items: list[Any], length: int | None) -> deque[Any]:
    return deque(items, length)


def states(*, plain: bool = False) -> st.SearchStrategy[State]:
    """States: dicts by name."""
    return st.dictionaries(_NAMES | texts(), values(plain=plain), max_size=5)


def moves() -> st.SearchStrategy[Move]:
    """One thing that an agent does to its state: most change it in place, some give a new one."""
    item = st.one_of(values(), st.builds(_message, st.integers(0, 400)))
    return st.one_of(
        st.just(_keep),
        st.just(_renew),
        st.builds(_append, item, st.integers(1, 3)),
        st.builds(_insert, st.integers(0, 6), item),
        st.builds(_change, st.integers(0, 6), item),
        st.builds(_remove, st.integers(0, 6)),
        st.just(_reverse),
        st.just(_alias),
        st.builds(_put, _NAMES, item),
        st.builds(_lengthen, texts(), st.integers(0, 400)),
        st.builds(_drop, _NAMES),
        st.builds(_replace, states()),
    )


def histories() -> st.SearchStrategy[tuple[State, list[Move]]]:
    """A first state and the moves of the steps that follow."""
    return st.tuples(states(), st.lists(moves(), min_size=1, max_size=12))


def _message(words: int) -> Any:
    return {"role": "user", "content": "word " * words}


def _messages(state: State) -> list[Any]:
    found: Any = state.setdefault("messages", [])
    if not isinstance(found, list):
        state["messages"] = found = []
    return cast("list[Any]", found)


def _keep(state: State) -> State:
    return state


def _renew(state: State) -> State:
    return {**state, "messages": list(_messages(state))}


def _append(item: Any, times: int) -> Move:
    def move(state: State) -> State:
        _messages(state).extend([item] * times)
        return state

    return move


def _insert(place: int, item: Any) -> Move:
    def move(state: State) -> State:
        _messages(state).insert(place, item)
        return state

    return move


def _change(place: int, item: Any) -> Move:
    def move(state: State) -> State:
        messages = _messages(state)
        if place < len(messages):
            old = messages[place]
            if type_of(old) is dict and old:
                old[next(iter(old))] = item if item is not old else None
            else:
                messages[place] = item
        return state

    return move


def _remove(place: int) -> Move:
    def move(state: State) -> State:
        del _messages(state)[place : place + 2]
        return state

    return move


def _reverse(state: State) -> State:
    _messages(state).reverse()
    return state


def _alias(state: State) -> State:
    state["again"] = state.get("messages")
    return state


def _put(name: str, item: Any) -> Move:
    def move(state: State) -> State:
        state[name] = item
        return state

    return move


def _lengthen(text: str, words: int) -> Move:
    def move(state: State) -> State:
        old: Any = state.get("log")
        state["log"] = (old if isinstance(old, str) else "") + text + "word " * words
        return state

    return move


def _drop(name: str) -> Move:
    def move(state: State) -> State:
        state.pop(name, None)
        return state

    return move


def _replace(new: State) -> Move:
    return lambda _state: new
