"""What is known of the providers' APIs: which requests are theirs, and what their bodies say.

One module for each API.  They read and never change a body; what they cannot make sense of they leave out.
"""

from __future__ import annotations

from vcr_llm.exchange import Request
from vcr_llm.providers.anthropic_messages import ANTHROPIC_MESSAGES
from vcr_llm.providers.bedrock_converse import BEDROCK_CONVERSE
from vcr_llm.providers.gemini import GEMINI_GENERATE
from vcr_llm.providers.meaning import Answer, Asked, Provider, ToolCall, Usage
from vcr_llm.providers.openai_chat import OPENAI_CHAT
from vcr_llm.providers.openai_embeddings import OPENAI_EMBEDDINGS
from vcr_llm.providers.openai_responses import OPENAI_RESPONSES

PROVIDERS: tuple[Provider, ...] = (
    OPENAI_CHAT,
    OPENAI_RESPONSES,
    OPENAI_EMBEDDINGS,
    ANTHROPIC_MESSAGES,
    GEMINI_GENERATE,
    BEDROCK_CONVERSE,
)


def find_provider(request: Request) -> Provider | None:
    """Return the API that a request is meant for, by its path: many servers speak the API of another."""
    if request.method.upper() != "POST":
        return None
    path = request.parts.path
    return next((provider for provider in PROVIDERS if provider.path.search(path)), None)


def provider_named(name: str) -> Provider | None:
    """Return the API whose calls are recorded under that name."""
    return next((provider for provider in PROVIDERS if provider.name == name), None)


__all__ = ["PROVIDERS", "Answer", "Asked", "Provider", "ToolCall", "Usage", "find_provider", "provider_named"]
