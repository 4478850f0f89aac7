"""The switches that keep CrewAI from calling home; they count only if they are set before `crewai` is imported."""

from __future__ import annotations

import os

SWITCHES = {
    "CREWAI_DISABLE_TELEMETRY": "true",
    "CREWAI_DISABLE_TRACKING": "true",
    "OTEL_SDK_DISABLED": "true",
    "CREWAI_TRACING_ENABLED": "false",
    "CREWAI_DISABLE_VERSION_CHECK": "true",
    "CREWAI_TESTING": "true",
}
"""What is set, unless the person has set it otherwise."""


def stay_offline() -> None:
    """Set every switch that is not set; what the person chose stays."""
    for name, value in SWITCHES.items():
        os.environ.setdefault(name, value)
