"""One call on its way: recorded while it runs, or served instead of running.

Every transport does the same four things with it: begin it (`begin_call`), wait for its turn, then either serve the
`Reply`, or send the request inside `sending` and tee what comes back.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from vcr_core.engine import EndedStep, Run, RunningStep, StepCall, current_run
from vcr_core.engine.scope import current_scope
from vcr_llm import settings
from vcr_llm.errors import LlmError
from vcr_llm.exchange import Reply, Request, ResponseHead
from vcr_llm.json_values import as_dict
from vcr_llm.providers import find_provider
from vcr_llm.request_record import UnreadableBodyError, canonical_input, edited_request, raw_input
from vcr_llm.response_record import asks_stream, is_stream, reply_of
from vcr_llm.tee import Tee

_LAST_EVENTS = (b"[DONE]", b"message_stop", b"response.completed", b"messageStop")
"""What the last event of a stream says: a client that stops there has read all of it."""
_sending: ContextVar[bool] = ContextVar("vcr_llm_sending", default=False)


class UnservableError(LlmError):
    """A frame or mock that does not hold a response, asked for by a request.

    Attributes:
        key: The step.
        reason: What is missing.
    """

    def __init__(self, key: str, reason: str) -> None:
        self.key = key
        self.reason = reason
        super().__init__(
            f"what is to be served for {key} is not a response: {reason}. A mock gives the body of the response, or "
            "{'status': 200, 'headers': {…}, 'body': …}."
        )

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.key, self.reason)


def is_sending() -> bool:
    """True inside a captured call that is being sent: what is below it must not be captured again."""
    return _sending.get()


def captures(host: str) -> Run | None:
    """Return the run that a call to `host` made here belongs to, or None if it is to be left alone."""
    run = current_run()
    if run is None or not settings.is_active() or _sending.get() or _inside_llm_step():
        return None
    return None if settings.is_ignored(host) else run


def _inside_llm_step() -> bool:
    """True in the body of an ``@llm`` function or of a framework's own model step, which records the call itself."""
    scope = current_scope.get()
    return scope is not None and scope.call is not None and scope.call.kind == "llm"


class CapturedCall:
    """A request that is recorded or served.

    Args:
        run: The run it belongs to.
        request: What the client is about to send.

    Attributes:
        request: What is to be sent: as given, or as an edit of its input asks for.
        edited: True if it is not as given.
    """

    def __init__(self, run: Run, request: Request) -> None:
        self.request = request
        self.edited = False
        self.provider = find_provider(request)
        metadata: dict[str, Any] = {}
        try:
            given, ids = canonical_input(request)
        except UnreadableBodyError as error:
            if run.tape is not None:
                raise
            given, ids = raw_input(request), {}
            metadata["unreadable_body"] = error.reason
        normalize = settings.current_settings().normalize
        if normalize is not None:
            given = normalize(given)
        if ids:
            metadata["tool_call_ids"] = ids
        provider = self.provider
        name = provider.name if provider is not None else f"{request.method.upper()} {request.parts.hostname}"
        call = StepCall(name, "llm" if provider is not None else "tool", given, metadata=metadata)
        if provider is not None:
            call.model = provider.model(given)
        else:
            call.label = "http"
        self._given = given
        self._asks_stream = asks_stream(given)
        self.step: EndedStep = run.begin(call)
        if call.input is not given:
            self.request = edited_request(request, call.input, ids)
            self.edited = True

    @property
    def live(self) -> bool:
        """True if the request is to be sent."""
        return self.step.live

    def wait(self) -> None:
        """Return when it is this call's turn."""
        if self._asks_stream:
            self.step.wait_to_begin()
        else:
            self.step.wait()

    async def wait_async(self) -> None:
        """As `wait`, in an event loop."""
        if self._asks_stream:
            await self.step.wait_to_begin_async()
        else:
            await self.step.wait_async()

    def reply(self) -> Reply:
        """Return what is to be served.

        Raises:
            UnservableError: If a mock or edit gives something that is no response.
        """
        output: Any = self.step.result()
        if not isinstance(output, dict):
            raise UnservableError(self.step.call.key or "", f"it is of type {type(output).__name__}")
        fields = as_dict(output)
        if "status" not in fields and "error" not in fields:
            fields = {"status": 200, "headers": {"content-type": "application/json"}, "body": fields}
        try:
            return reply_of(fields)
        except ValueError as error:
            raise UnservableError(self.step.call.key or "", str(error)) from error

    @contextmanager
    def sending(self) -> Generator[None]:
        """Be the body of the step, and keep what is below from being captured again."""
        token = _sending.set(True)
        try:
            with self._running().entered():
                yield
        finally:
            _sending.reset(token)

    def answered(self, head: ResponseHead) -> Tee:
        """Return what takes the chunks of the response, now that its head is there."""
        return Tee(self._running(), self.provider, head, stream=is_stream(head, self._given))

    def failed(self, error: BaseException) -> None:
        """Record that there was no response."""
        tee = Tee(self._running(), self.provider, None, stream=False)
        tee.fail(error)

    def check_end(self, reply: Reply) -> None:
        """Note that the caller read all of a served response.

        Raises:
            DivergenceError: If it was not read so far when it was recorded, so that nobody knows what comes next.
        """
        if reply.end != "closed" or any(mark in b"".join(reply.chunks[-2:]) for mark in _LAST_EVENTS):
            return
        step = self.step
        raise step.run.diverged("stream", step.call.key or "", name=step.call.name, frame=step.index)

    def _running(self) -> RunningStep:
        assert isinstance(self.step, RunningStep)
        return self.step


def begin_call(run: Run, request: Request) -> CapturedCall:
    """Ask the run what becomes of a request."""
    return CapturedCall(run, request)
