"""What is written beside a call: model, tokens, cost, why it ended; and, of a stream, the message it makes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from vcr_llm.json_values import as_dict
from vcr_llm.response_record import body_bytes
from vcr_llm.stream_events import read_events

if TYPE_CHECKING:
    from vcr_llm.prices import PriceTable
    from vcr_llm.providers import Answer, Provider


_REFUSED = frozenset({401, 402, 403, 404, 405, 413, 415, 429, 503, 529})


def is_refused(status: Any) -> bool:
    """True if a provider answered without any work, which it then does not charge for.

    A 400 may come of a filter that read the prompt, a 500 of anything: what those cost is not known.
    """
    return status in _REFUSED


@dataclass
class Known:
    """What a response tells.

    Attributes:
        fields: Metadata of the frame.
        message: The body that a stream amounts to, or None.
        error: The provider's error message, or None.
    """

    fields: dict[str, Any] = field(default_factory=dict[str, Any])
    message: dict[str, Any] | None = None
    error: str | None = None


def metadata_of(
    provider: Provider | None, given: dict[str, Any], output: dict[str, Any], *, prices: PriceTable | None
) -> Known:
    """Return what is known of a call; never raises, a provider that changed its format is noted in the metadata."""
    known = Known(error=_error_text(output.get("body")))
    if provider is None:
        return known
    known.fields = {"provider": provider.system, "operation": provider.operation}
    try:
        body = as_dict(output.get("body"))
        if "stream" in output:
            body = known.message = assembled(provider, output)
        if is_refused(output.get("status")):
            known.fields.update(tokens_input=0, tokens_output=0, cost_usd=0.0, cost="0")
        elif body and isinstance(output.get("status"), int) and output["status"] < 400:
            _describe(known, provider, given, provider.answer(body), prices)
    except Exception as error:  # noqa: BLE001  # the provider's data, not ours; the frame itself is whole
        known.fields["not_understood"] = repr(error)
    return known


def assembled(provider: Provider, output: dict[str, Any]) -> dict[str, Any]:
    """Return the body that a recorded stream amounts to."""
    content_type = str(as_dict(output.get("headers")).get("content-type", ""))
    return provider.assemble(read_events(body_bytes(output), content_type))


def _describe(
    known: Known, provider: Provider, given: dict[str, Any], answer: Answer, prices: PriceTable | None
) -> None:
    from vcr_llm.prices import price_call  # noqa: PLC0415  # the price table is large; loaded with the first answer

    fields, usage = known.fields, answer.usage
    asked_model = provider.model(given)
    model = answer.model or asked_model
    fields.update(model=model, tokens_input=usage.input, tokens_output=usage.output)
    if asked_model and asked_model != model:
        fields["requested_model"] = asked_model
    more = {
        "finish_reason": answer.finish_reason,
        "response_id": answer.response_id,
        "tokens_cache_read": usage.cache_read or None,
        "tokens_cache_write": usage.cache_write or None,
        "tokens_reasoning": usage.reasoning or None,
    }
    fields.update({name: value for name, value in more.items() if value is not None})
    price = price_call(provider, [model, asked_model], usage, prices=prices)
    if price is not None:
        fields.update(cost_usd=float(price.usd), cost=str(price.usd), price_table=price.table)


def _error_text(body: Any) -> str | None:
    """Return the message of an error body, in the forms that providers use."""
    fields = as_dict(body)
    if not fields:
        return str(body)[:500] if body else None
    error = fields.get("error", fields)
    inner = as_dict(error)
    if inner:
        error = inner.get("message") or inner.get("Message")
    return error if isinstance(error, str) else None
