"""LangGraph for Agent VCR: record a graph with one line, resume it from any step, replay it for nothing."""

from __future__ import annotations

from vcr_langgraph.checkpoint_saver import VCRCheckpointSaver
from vcr_langgraph.integration import VCRLangGraph

__all__ = ["VCRCheckpointSaver", "VCRLangGraph"]
