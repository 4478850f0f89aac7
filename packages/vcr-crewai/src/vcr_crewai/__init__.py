"""CrewAI for Agent VCR: crews and flows recorded as they ran, replayed for nothing, resumed from any task.

Importing this package sets the switches that keep CrewAI offline (`vcr_crewai.offline`): CrewAI reads them while it is
imported, so there is no later moment for it.
"""

from __future__ import annotations

from vcr_crewai.offline import stay_offline

stay_offline()

from vcr_crewai.callbacks import VCRCrewCallback  # noqa: E402  # imports crewai: after the switches
from vcr_crewai.integration import VCRCrewAI  # noqa: E402  # as above

__all__ = ["VCRCrewAI", "VCRCrewCallback"]
