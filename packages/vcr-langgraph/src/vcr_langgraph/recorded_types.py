"""The types of LangChain and LangGraph that recordings hold: whoever uses this package may restore them."""

# LangGraph ships no stubs and leaves most of its type parameters open; mypy, which reads its annotations, stays strict.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false, reportMissingTypeArgument=false

from __future__ import annotations

import functools

import langchain_core.messages as messages
from langchain_core.documents import Document
from langchain_core.messages import BaseMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult, Generation, LLMResult
from langgraph.types import Command, Interrupt, Overwrite

from vcr_core.values import register_type


@functools.lru_cache(maxsize=1)
def register_types() -> None:
    """Let every reader of this process restore messages, documents, commands and what models give."""
    found = (getattr(messages, name) for name in messages.__all__)
    classes = [cls for cls in found if isinstance(cls, type) and issubclass(cls, BaseMessage)]
    others: list[type] = [Document, ChatGeneration, ChatGenerationChunk, ChatResult, Generation, LLMResult]
    found_types: list[type] = [*classes, *others, Command, Interrupt, Overwrite]
    for cls in found_types:
        register_type(cls)
