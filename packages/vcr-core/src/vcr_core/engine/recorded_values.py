"""Values from outside that a run must see again: the clock, randomness and ids.

``session.now()`` and its friends record what they give and give it again on replay; outside of a run they are just the
real thing.  `route_values` sends the usual functions of the standard library there, on request, for code that cannot be
changed.
"""

from __future__ import annotations

import datetime
import random
import time
import uuid
from collections.abc import Callable, Generator, MutableSequence, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from vcr_core.engine.plan import StepCall
from vcr_core.engine.running_step import RunningStep
from vcr_core.engine.scope import current_run, current_scope

T = TypeVar("T")
_source = random.SystemRandom()


def recorded_value(name: str, make: Callable[[], T]) -> T:
    """Return what `make` gives, recorded as a step of kind ``value``; on replay, what it gave then."""
    run = current_run()
    if run is None:
        return make()
    step = run.begin(StepCall(name, "value"))
    step.wait()
    if not isinstance(step, RunningStep):
        return step.result()  # type: ignore[no-any-return]  # it is what make gave
    with step:
        value = make()
    step.succeed(value)
    return value


class SessionValues:
    """The recorded sources of values; use the one object `vcr_core.session`."""

    def now(self, tz: datetime.tzinfo | None = datetime.timezone.utc) -> datetime.datetime:
        """Return the time, in UTC unless another zone is given (None: local, naive)."""
        return recorded_value("now", lambda: datetime.datetime.now(tz))

    def time(self) -> float:
        """Return seconds since the epoch."""
        return recorded_value("time", _time)

    def random(self) -> float:
        """Return a float in [0, 1)."""
        return recorded_value("random", _source.random)

    def randint(self, a: int, b: int) -> int:
        """Return an integer from `a` to `b`, both included."""
        return recorded_value("randint", lambda: _source.randint(a, b))

    def choice(self, items: Sequence[T]) -> T:
        """Return one of `items`; what is recorded is its place."""
        return items[recorded_value("choice", lambda: _source.randrange(len(items)))]

    def shuffle(self, items: MutableSequence[Any]) -> None:
        """Shuffle `items` in place; what is recorded is the order."""
        order = recorded_value("shuffle", lambda: _source.sample(range(len(items)), len(items)))
        items[:] = [items[i] for i in order]

    def uuid4(self) -> uuid.UUID:
        """Return a random UUID."""
        return recorded_value("uuid4", _uuid4)

    def token_hex(self, nbytes: int = 16) -> str:
        """Return random bytes as hex digits; not for secrets, since it is recorded."""
        return recorded_value("token_hex", lambda: _source.randbytes(nbytes).hex())

    def value(self, name: str, make: Callable[[], T]) -> T:
        """Return what `make` gives, recorded under `name`: for any other source from outside."""
        return recorded_value(name, make)


session = SessionValues()
_time = time.time
_uuid4 = uuid.uuid4
_datetime = datetime.datetime


class _RecordedRandom(random.Random):
    """Draws each number through the session."""

    def random(self) -> float:
        return session.random()

    def getrandbits(self, k: int, /) -> int:
        return recorded_value("getrandbits", lambda: _source.getrandbits(k))

    def seed(self, *_: Any, **__: Any) -> None:
        """Do nothing: what is drawn is recorded, so it need not be seeded."""


class _DatetimeClass(type):
    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, _datetime)

    def __subclasscheck__(cls, subclass: type) -> bool:
        return issubclass(subclass, _datetime)


class _RoutedDatetime(_datetime, metaclass=_DatetimeClass):
    @classmethod
    def now(cls, tz: datetime.tzinfo | None = None) -> Any:
        return recorded_value("datetime.now", lambda: _datetime.now(tz))

    @classmethod
    def utcnow(cls) -> Any:
        return recorded_value("datetime.utcnow", lambda: _datetime.now(datetime.timezone.utc).replace(tzinfo=None))

    @classmethod
    def today(cls) -> Any:
        return recorded_value("datetime.today", lambda: _datetime.now())  # as the original does


_RANDOM_NAMES = (
    "random", "randint", "randrange", "uniform", "choice", "choices", "sample", "shuffle", "gauss", "triangular",
    "betavariate", "expovariate", "normalvariate", "getrandbits", "randbytes",
)  # fmt: skip


@contextmanager
def route_values() -> Generator[None]:
    """Send `time.time`, `datetime.datetime.now`, the functions of `random` and `uuid.uuid4` to the session.

    It reaches code that uses them through their modules (``time.time()``); a name that was imported from a module
    before (``from time import time``) is not reached.  Calls outside of a run are not recorded.  The change holds for
    the whole process while the block lasts.
    """
    drawn = _RecordedRandom()
    routed: list[tuple[Any, str, Any]] = [
        (time, "time", lambda: session.time() if _in_agent() else _time()),
        (uuid, "uuid4", lambda: session.uuid4() if _in_agent() else _uuid4()),
        (datetime, "datetime", _RoutedDatetime),
        *((random, name, getattr(drawn, name)) for name in _RANDOM_NAMES),
    ]
    before = [(module, name, getattr(module, name)) for module, name, _ in routed]
    try:
        for module, name, replacement in routed:
            setattr(module, name, replacement)
        yield
    finally:
        for module, name, original in before:
            setattr(module, name, original)


def _in_agent() -> bool:
    return current_scope.get() is not None


def patched(change_id: str) -> bool:
    """Tell whether a deliberate change of the agent's code is in force.

    Guard the new code with it: ``if patched("use-new-prompt"): …``.

    A new run records the answer True.  A replay of a run that was recorded before the change gives False up to the
    cut, so that the old code serves its old tape; from the cut on it gives True.
    """
    run = current_run()
    if run is None or run.tape is None:
        return recorded_value(f"patched:{change_id}", lambda: True)
    scope = run.scope_here()
    name = f"patched:{change_id}"
    if f"{scope.path(None)}:{name}#{scope.peek_ordinal(name)}" in run.tape.by_key or run.order.finished:
        return recorded_value(name, lambda: True)
    return False


@contextmanager
def branch(key: str) -> Generator[None]:
    """Give the steps of a block a branch of their own, named by `key` instead of by the order of creation."""
    scope = current_scope.get()
    if scope is None:
        yield
        return
    token = current_scope.set(scope.named(key))
    try:
        yield
    finally:
        current_scope.reset(token)
