"""Which chain a frame's states belong to: one for each line of states that runs beside others."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any

from vcr_core.state_chain import StateChain

_MAX_CHAINS = 64
_MAX_TURNS = 4
"""Agents with states of their own that take turns in one line of states."""


class StateChains:
    """The chains of one recorder: some for each line of states (a thread, a branch, a tool).

    Agents that take turns in one line have states of their own: each gets the chain that it goes on from.
    """

    def __init__(self, make: Callable[[], StateChain]) -> None:
        self.make = make
        self._chains: OrderedDict[Hashable, list[StateChain]] = OrderedDict()

    def get(self, key: Hashable, live: Any) -> StateChain:
        """Return the chain of that key that a state goes on from, a new one if there is none."""
        chains = self._chains.get(key)
        if chains is None:
            chains = self._chains[key] = [self.make()]
            if len(self._chains) > _MAX_CHAINS:
                self._chains.popitem(last=False)
            return chains[0]
        self._chains.move_to_end(key)
        if chains[0].may_take(live):
            return chains[0]
        for place in range(1, len(chains)):
            if chains[place].may_take(live):
                chains.insert(0, chains.pop(place))
                return chains[0]
        del chains[_MAX_TURNS - 1 :]
        chains.insert(0, self.make())
        return chains[0]

    def find(self, key: Hashable) -> StateChain | None:
        """Return the chain of that key that was used last, if there is one."""
        chains = self._chains.get(key)
        return chains[0] if chains else None

    def drop(self, key: Hashable) -> None:
        """Forget the chains of a key whose last state may not have been written."""
        self._chains.pop(key, None)
