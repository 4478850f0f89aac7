from __future__ import annotations
from typing import Any
def collect_garbage(*a: Any, **k: Any) -> Any: raise NotImplementedError
def measure(*a: Any, **k: Any) -> Any: raise NotImplementedError
def pack_session(*a: Any, **k: Any) -> Any: pass
