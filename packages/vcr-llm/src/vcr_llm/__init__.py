"""LLM and HTTP calls of unchanged code, recorded and served at the transport.

The names below are the public API; each is loaded when first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vcr_core.lazy_names import lazy_names

if TYPE_CHECKING:
    from vcr_llm.capturing import capture, install, replay, uninstall
    from vcr_llm.errors import LlmError
    from vcr_llm.llm_call import LlmCall, calls_of
    from vcr_llm.network_guard import LiveCallError, guarded
    from vcr_llm.prices import ModelPrice, OwnPrices, Price, PriceTable, installed_prices
    from vcr_llm.providers import ToolCall, Usage
    from vcr_llm.settings import suppress

__version__ = "1.0.0"

_HOMES = {
    "capturing": ("capture", "install", "replay", "uninstall"),
    "errors": ("LlmError",),
    "llm_call": ("LlmCall", "calls_of"),
    "network_guard": ("LiveCallError", "guarded"),
    "prices": ("ModelPrice", "OwnPrices", "Price", "PriceTable", "installed_prices"),
    "providers": ("ToolCall", "Usage"),
    "settings": ("suppress",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [  # pyright: ignore[reportUnsupportedDunderAll]  # the names are given by __getattr__
    "LiveCallError",
    "LlmCall",
    "LlmError",
    "ModelPrice",
    "OwnPrices",
    "Price",
    "PriceTable",
    "ToolCall",
    "Usage",
    "__version__",
    "calls_of",
    "capture",
    "guarded",
    "install",
    "installed_prices",
    "replay",
    "suppress",
    "uninstall",
]


__getattr__ = lazy_names(__name__, _HOME_OF)


def __dir__() -> list[str]:
    return sorted(__all__)
