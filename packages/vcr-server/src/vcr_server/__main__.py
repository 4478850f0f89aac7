"""``python -m vcr_server``, as ``vcr-server``."""

from __future__ import annotations

import sys

from vcr_server.cli import main

sys.exit(main())
