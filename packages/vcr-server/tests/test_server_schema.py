"""schemathesis throws what the OpenAPI document allows, and what it does not, at the running server: never a 500."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from vcr_server.openapi import document
from vcr_server.testing import TOKEN, RunningServer


def test_every_operation_is_described() -> None:
    found = document()
    operations = [operation for path in found["paths"].values() for operation in path.values()]
    assert len(operations) >= 23
    assert len({operation["operationId"] for operation in operations}) == len(operations)
    assert all(operation["summary"] for operation in operations)


def test_the_served_document_is_that_document(server: RunningServer) -> None:
    served = httpx.get(f"{server.url}/api/openapi.json", headers={"authorization": f"Bearer {TOKEN}"}).json()
    assert served == json.loads(json.dumps(document()))


def test_no_request_makes_a_500(server: RunningServer, tmp_path: Path) -> None:
    program = Path(sys.executable).with_name("schemathesis")
    if not program.exists() and shutil.which("schemathesis") is None:
        pytest.skip("schemathesis is not installed")
    examples = "200" if os.environ.get("VCR_FULL") else "8"
    command = [str(program), "run", f"{server.url}/api/openapi.json", "--header", f"Authorization: Bearer {TOKEN}"]
    command += ["--checks", "not_a_server_error", "--max-examples", examples, "--seed", "1", "--no-color"]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=250, cwd=tmp_path, check=False)
    assert answer.returncode == 0, answer.stdout[-3000:] + answer.stderr[-1000:]
    assert server.read_errors() == ""
