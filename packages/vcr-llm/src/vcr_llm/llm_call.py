"""The LLM calls of a recording, told in the same terms for every provider."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from vcr_llm.json_values import as_dict
from vcr_llm.llm_metadata import assembled, is_refused
from vcr_llm.providers import Answer, Asked, Usage, provider_named

if TYPE_CHECKING:
    from vcr_core import Frame, VCRPlayer


@dataclass(frozen=True)
class LlmCall:
    """One call of a model.

    Attributes:
        frame: Index of its frame.
        provider: Name of the provider in the OpenTelemetry conventions.
        operation: ``chat`` or ``embeddings``.
        asked: Model, messages, tools and parameters of the request.
        answer: Text, tool calls, finish reason and model of the response; None if there was none.
        usage: Tokens.
        cost_usd: US dollars, exactly; None if the price is not known.
        price_table: Name and version of the table that says so.
        error: Type of what went wrong, or None.
    """

    frame: int
    provider: str
    operation: str
    asked: Asked
    answer: Answer | None
    usage: Usage
    cost_usd: Decimal | None
    price_table: str | None
    error: str | None


def calls_of(player: VCRPlayer) -> Iterator[LlmCall]:
    """Yield the captured LLM calls of a recording, in order; frames that were recorded otherwise are passed over."""
    for row in player.rows:
        if row.kind == "llm" and provider_named(row.node_name) is not None:
            found = call_of(player.get_frame(row.index))
            if found is not None:
                yield found


def call_of(frame: Frame) -> LlmCall | None:
    """Return the LLM call that a frame holds, or None if it holds none that was captured."""
    provider = provider_named(frame.node_name)
    given, output = as_dict(frame.input_state), as_dict(frame.output_state)
    if provider is None or "url" not in given:
        return None
    asked = provider.ask(as_dict(given.get("body")), str(given["url"]))
    custom = frame.metadata.custom
    answer = None
    if isinstance(output.get("status"), int) and output["status"] < 400:
        content = assembled(provider, output) if "stream" in output else as_dict(output.get("body"))
        answer = provider.answer(content) if content else None
    unanswered = Usage(input=0, output=0) if is_refused(output.get("status")) else Usage()
    cost = custom.get("cost")
    return LlmCall(
        frame.index,
        provider.system,
        provider.operation,
        asked,
        answer,
        answer.usage if answer is not None else unanswered,
        Decimal(cost) if isinstance(cost, str) else None,
        custom.get("price_table"),
        frame.metadata.error_type,
    )
