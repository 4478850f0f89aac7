"""Bringing a session into the branch."""

from __future__ import annotations
