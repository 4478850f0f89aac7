"""What the façade itself can raise."""

from __future__ import annotations

from vcr_core.errors import VcrError


class MissingExtraError(VcrError, ImportError):
    """The package behind a module of the façade is not installed.

    Attributes:
        module: The module that was used, such as ``agent_vcr.golden_cache``.
        package: The import name that was not found, such as ``vcr_golden``.
        extra: The extra of `ai-agent-vcr` that installs it; None if it always comes along.
    """

    def __init__(self, module: str, *, package: str, extra: str | None) -> None:
        what = f"ai-agent-vcr[{extra}]" if extra else "ai-agent-vcr"
        super().__init__(f"{module} needs {package}, which is not installed. Install it with: pip install '{what}'")
        self.module = module
        self.package = package
        self.extra = extra
