"""The terms in which all providers' calls are told: what was asked, what came back, what it used."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from vcr_llm.json_values import Json, as_dict


@dataclass(frozen=True)
class ToolCall:
    """A tool that the model wants called.

    Attributes:
        id: The provider's id of the call; "" where it has none.
        name: Name of the tool.
        arguments: Its arguments, parsed; a text that is not JSON stays a text.
    """

    id: str
    name: str
    arguments: Any


@dataclass(frozen=True)
class Usage:
    """Tokens of one call, as the provider counts them; None is unknown.

    Attributes:
        input: All tokens sent, with those read from and written to a cache.
        output: All tokens received, with those of reasoning.
        cache_read: Those of the input that came from a cache.
        cache_write: Those of the input that were put into a cache.
        reasoning: Those of the output that are reasoning.
    """

    input: int | None = None
    output: int | None = None
    cache_read: int | None = None
    cache_write: int | None = None
    reasoning: int | None = None


@dataclass(frozen=True)
class Asked:
    """What a request asks.

    Attributes:
        model: Name of the model, or None.
        messages: The conversation, in the provider's own form; a system prompt that stands apart comes first.
        tools: The tools offered, in the provider's own form.
        parameters: Everything else of the body.
    """

    model: str | None
    messages: list[Any] = field(default_factory=list[Any])
    tools: list[Any] = field(default_factory=list[Any])
    parameters: Json = field(default_factory=dict[str, Any])


@dataclass(frozen=True)
class Answer:
    """What a response says.

    Attributes:
        model: The model that answered.
        response_id: The provider's id of the response.
        finish_reason: Why it ended, in the provider's word.
        text: The text of the answer.
        tool_calls: The tools it wants called.
        usage: Tokens.
    """

    model: str | None = None
    response_id: str | None = None
    finish_reason: str | None = None
    text: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    usage: Usage = Usage()


@dataclass(frozen=True)
class Provider:
    """One API.

    Attributes:
        name: Name of its steps, such as ``openai.chat``.
        system: Name of the provider in the OpenTelemetry conventions.
        operation: Name of the operation there.
        prices: The provider's id in `genai-prices`.
        path: Finds its requests by the path of the URL.
        ask: Reads the body of a request, given its URL too.
        answer: Reads the body of a response.
        assemble: Makes of the events of a stream the body that the same response would have without one.
    """

    name: str
    system: str
    operation: str
    prices: str
    path: re.Pattern[str]
    ask: Callable[[Json, str], Asked]
    answer: Callable[[Json], Answer]
    assemble: Callable[[list[Json]], Json]

    def model(self, given: Json) -> str | None:
        """Return the model that the input of a step names."""
        return self.ask(as_dict(given.get("body")), str(given.get("url", ""))).model
