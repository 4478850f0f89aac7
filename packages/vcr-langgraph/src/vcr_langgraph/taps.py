"""Puts the taps on the classes of LangChain (models, tools, threads) and LangGraph (cached nodes), once."""

# LangGraph ships no stubs and leaves most of its type parameters open; mypy, which reads its annotations, stays strict.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false, reportMissingTypeArgument=false

from __future__ import annotations

import threading
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.runnables.config import ContextThreadPoolExecutor
from langchain_core.tools import BaseTool

from vcr_langgraph import cached_nodes, model_calls, thread_scopes, tool_calls
from vcr_langgraph.compat import PregelLoop

_installed = threading.Event()
_lock = threading.Lock()


def install_taps() -> None:
    """Install them; does nothing the second time."""
    if _installed.is_set():
        return
    with _lock:
        if not _installed.is_set():
            for cls, taps in (
                (BaseChatModel, model_calls.TAPS),
                (BaseTool, tool_calls.TAPS),
                (PregelLoop, cached_nodes.TAPS),
                (ContextThreadPoolExecutor, thread_scopes.TAPS),
            ):
                _tap(cls, taps)
            _installed.set()


def _tap(cls: Any, taps: dict[str, Any]) -> None:
    for name, tap in taps.items():
        setattr(cls, name, tap(getattr(cls, name)))
