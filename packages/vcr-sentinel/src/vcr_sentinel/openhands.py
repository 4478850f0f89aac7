"""Sentinel inside OpenHands: on the V0 event stream, and around the tool executors of the V1 SDK.

OpenHands is imported only when something of it is attached; neither version is a dependency.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from vcr_sentinel.errors import SentinelError
from vcr_sentinel.findings import Finding, render_for_agent

if TYPE_CHECKING:
    from vcr_sentinel.guard import Sentinel

_EDITS = frozenset({"create", "str_replace", "insert", "undo_edit", "write"})
_SHELLS = ("terminal", "bash", "execute", "shell")
_CALLBACK = "vcr-sentinel"


class AttachError(SentinelError):
    """The object is nothing that Sentinel knows how to guard."""


def attach(sentinel: Sentinel, target: Any) -> None:
    """Guard a V0 event stream, or a V1 conversation, agent, or tool.

    Raises:
        AttachError: `target` is none of these.
    """
    if hasattr(target, "subscribe") and hasattr(target, "add_event"):
        StreamGuard(sentinel, target).subscribe()
    elif hasattr(target, "_ensure_agent_ready") and hasattr(target, "agent"):
        target._ensure_agent_ready()  # the SDK builds its tools only at the first run; there is no public way to ask
        _guard_tools(sentinel, target.agent.tools_map)
    elif hasattr(target, "tools_map"):
        _guard_tools(sentinel, target.tools_map)
    elif hasattr(target, "executor"):
        _guard_tools(sentinel, {str(getattr(target, "name", "")): target})
    else:
        raise AttachError(
            f"cannot attach to {type(target).__name__}: give runtime.event_stream (OpenHands V0), or a conversation, "
            "agent or tool of the V1 SDK"
        )


class StreamGuard:
    """Listens to an OpenHands V0 event stream and answers with an observation that the agent reads next."""

    def __init__(self, sentinel: Sentinel, stream: Any) -> None:
        self._sentinel = sentinel
        self._stream = stream
        self._acted: dict[int, str] = {}

    def subscribe(self) -> None:
        """Start listening."""
        kinds: Any = importlib.import_module("openhands.events.stream")
        self._stream.subscribe(kinds.EventStreamSubscriber.MAIN, self._on_event, _CALLBACK)

    def _on_event(self, event: Any) -> None:
        path = getattr(event, "path", None)
        kind = _word(event, "observation")
        if kind == "error":
            failed = self._acted.pop(getattr(event, "cause", None) or -1, None)
            if failed is not None:
                self._say(self._sentinel.written(failed))  # the edit did not happen: back to what is on disk
        elif kind == "run":
            self._say(self._sentinel.sweep())
        elif isinstance(path, str) and path.endswith(".py"):
            text = _text_of_observation(event, kind) if kind else self._text_of_action(event, path)
            if text is not None:
                self._say(self._sentinel.check(path, text))

    def _text_of_action(self, event: Any, path: str) -> str | None:
        action = _word(event, "action")
        command = _word(event, "command")
        if action not in {"write", "edit"}:
            return None
        self._acted[event.id] = path
        while len(self._acted) > 1000:
            del self._acted[next(iter(self._acted))]
        if command == "create":
            return str(event.file_text or "")
        if command == "str_replace":
            return self._replaced(path, str(event.old_str or ""), str(event.new_str or ""))
        if action == "write" or command == "write":
            whole = event.start in {0, 1} and event.end == -1
            return str(event.content) if whole else None
        return None

    def _replaced(self, path: str, old: str, new: str) -> str | None:
        project = self._sentinel.project
        relative = project.relative(path)
        before = project.text(relative).decode("utf-8") if relative is not None else ""
        return before.replace(old, new, 1) if old and before.count(old) == 1 else None

    def _say(self, findings: list[Finding]) -> None:
        if not findings:
            return
        events: Any = importlib.import_module("openhands.events.event")
        observations: Any = importlib.import_module("openhands.events.observation.agent")
        # Of the observations that need no tool call, this is the one the agent's memory hands on as it is.
        warning = observations.AgentThinkObservation(content=render_for_agent(findings))
        self._stream.add_event(warning, events.EventSource.ENVIRONMENT)


def _word(event: Any, name: str) -> str:
    """A string attribute, or the value of a string enum (`str()` of one gives its name); empty where there is none."""
    word = getattr(event, name, "")
    word = getattr(word, "value", word)
    return word if isinstance(word, str) else ""


def _text_of_observation(event: Any, kind: str) -> str | None:
    if kind == "edit":
        content = getattr(event, "new_content", None)
        return content if isinstance(content, str) else None
    return event.content if kind == "write" and isinstance(event.content, str) else None


def _guard_tools(sentinel: Sentinel, tools: dict[str, Any]) -> None:
    for name, tool in tools.items():
        executor = getattr(tool, "executor", None)
        if executor is None or isinstance(executor, _GuardedExecutor):
            continue
        # Tool definitions are frozen models, and the agent keeps them: the executor is exchanged in place.
        tool.__dict__["executor"] = _GuardedExecutor(sentinel, executor, name)


class _GuardedExecutor:
    """A V1 tool executor that adds what Sentinel says to the observation the model reads."""

    def __init__(self, sentinel: Sentinel, inner: Callable[..., Any], name: str) -> None:
        self._sentinel = sentinel
        self._inner = inner
        self._name = name

    def __call__(self, action: Any, conversation: Any = None) -> Any:
        observation = self._inner(action, conversation)
        findings = self._findings(action)
        if not findings:
            return observation
        messages: Any = importlib.import_module("openhands.sdk.llm")
        text = messages.TextContent(text="\n" + render_for_agent(findings))
        return observation.model_copy(update={"content": [*observation.content, text]})

    def _findings(self, action: Any) -> list[Finding]:
        command, path = getattr(action, "command", None), getattr(action, "path", None)
        if isinstance(path, str) and command in _EDITS:
            return self._sentinel.written(path)
        name = self._name.lower()
        if "patch" in name or any(word in name for word in _SHELLS):
            return self._sentinel.sweep()
        return []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)
