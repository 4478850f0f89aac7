"""A small project to guard, and the code it already has."""

from __future__ import annotations

import pytest

from vcr_sentinel import Config, Sentinel

HASH_PASSWORD = '''def hash_password(password, salt):
    """Hash a password."""
    data = password.encode() + salt
    for _ in range(1000):
        data = sha256(data).digest()
    return data.hex()
'''

SUM_UP = """def sum_up(lines, factor):
    total = 0
    for line in lines:
        if line.amount > 0 and line.kind == "net":
            total += line.amount * factor
        elif line.kind == "gross":
            total += line.amount
    rounded = round(total, 2)
    log("summed", len(lines), rounded)
    return rounded
"""


@pytest.fixture
def project(tmp_path):
    (tmp_path / "auth").mkdir()
    (tmp_path / "auth" / "__init__.py").write_text("")
    (tmp_path / "auth" / "utils.py").write_text(f"from hashlib import sha256\n\n\n{HASH_PASSWORD}")
    (tmp_path / "billing.py").write_text(f"from log import log\n\n\n{SUM_UP}")
    return tmp_path


@pytest.fixture
def sentinel(project):
    with Sentinel(root=project, config=Config(ruff=False), persist=False, slow_lane="inline") as guard:
        yield guard


@pytest.fixture
def hash_password():
    return HASH_PASSWORD


@pytest.fixture
def sum_up():
    return SUM_UP
