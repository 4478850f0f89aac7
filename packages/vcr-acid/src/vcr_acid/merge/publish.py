from __future__ import annotations
from typing import Any
class Publisher:
    def __init__(self, *a: Any, **k: Any) -> None: raise NotImplementedError
    def run(self, m: Any) -> Any: raise NotImplementedError
def finish_commit(session: Any) -> str: raise NotImplementedError
