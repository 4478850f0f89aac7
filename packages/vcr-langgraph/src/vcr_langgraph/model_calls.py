"""placeholder"""

from __future__ import annotations


def install_model_taps() -> None:
    """placeholder"""
