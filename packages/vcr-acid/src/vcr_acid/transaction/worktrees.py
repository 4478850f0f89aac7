from __future__ import annotations
from typing import Any
def create_worktree(*a: Any, **k: Any) -> Any: raise NotImplementedError
def remove_worktree(*a: Any, **k: Any) -> Any: raise NotImplementedError
def remove_worktree_files(*a: Any, **k: Any) -> Any: raise NotImplementedError
