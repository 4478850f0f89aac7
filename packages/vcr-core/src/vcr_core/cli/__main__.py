"""``python -m vcr_core.cli`` is the ``vcr`` command."""

from __future__ import annotations

import sys

from vcr_core.cli import main

sys.exit(main())
