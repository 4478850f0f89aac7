"""The types of LangChain and LangGraph that recordings hold: whoever uses this package may restore them."""

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
    others = [Document, ChatGeneration, ChatGenerationChunk, ChatResult, Generation, LLMResult]
    for cls in (*classes, *others, Command, Interrupt, Overwrite):
        register_type(cls)
