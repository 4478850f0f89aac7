"""Serve recordings over HTTP and WebSocket, and show them in the browser, live.

The server reads the files that recorders write and knows nothing else about them; it changes no recording.
"""

from __future__ import annotations

__version__ = "1.0.0"
__all__ = ["__version__"]
