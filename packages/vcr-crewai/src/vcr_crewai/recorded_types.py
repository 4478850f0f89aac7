"""Which of CrewAI's classes a recording may restore."""

from __future__ import annotations

import functools

from crewai import CrewOutput, TaskOutput
from crewai.tasks.output_format import OutputFormat
from crewai.tools.tool_failure import ToolFailureRecord
from crewai.types.usage_metrics import UsageMetrics

from vcr_core.values import register_type


@functools.lru_cache(maxsize=1)
def register_types() -> None:
    """Let every reader of this process restore what crews and tasks give."""
    for cls in (CrewOutput, TaskOutput, OutputFormat, ToolFailureRecord, UsageMetrics):
        register_type(cls)
