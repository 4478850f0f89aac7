"""The matrix of clients in two environments of its own: with openai 3, and with openai 2 and litellm (which needs it).

    python benchmarks/llm/matrix.py        # makes both with uv if it is there, else with venv and pip

Prints, for each leg, the versions and what the tests say: one hit when recording, none when replaying.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
COMMON = ["anthropic", "httpx", "httpx2", "requests", "aiohttp", "boto3", "pytest>=9", "pytest-timeout"]
LEGS = {"openai 3": ["openai>=3,<4"], "openai 2, litellm": ["openai>=2,<3", "litellm"]}
SHOWN = ("openai", "anthropic", "litellm", "httpx", "httpx2", "requests", "aiohttp", "botocore")
LIST = "import importlib.metadata as m\nfor d in m.distributions(): print(d.name + '==' + d.version)"


def install(folder: Path, packages: list[str]) -> str:
    python = str(folder / "bin" / "python")
    uv = os.environ.get("UV") or shutil.which("uv")
    sources = [word for name in ("vcr-core", "vcr-llm") for word in ("-e", str(ROOT / "packages" / name))]
    if uv:
        subprocess.run([uv, "venv", "-q", "-p", sys.executable, str(folder)], check=True)
        subprocess.run([uv, "pip", "install", "-q", "-p", python, *sources, *packages], check=True)
    else:
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        subprocess.run([python, "-m", "pip", "install", "-q", *sources, *packages], check=True)
    return python


def versions(python: str) -> str:
    listed = subprocess.run([python, "-c", LIST], capture_output=True, text=True, check=True).stdout
    found = dict(line.split("==") for line in listed.splitlines())
    return ", ".join(f"{name} {found[name]}" for name in SHOWN if name in found)


def main() -> None:
    failed = False
    with tempfile.TemporaryDirectory() as folder:
        for number, (name, packages) in enumerate(LEGS.items()):
            python = install(Path(folder) / str(number), [*COMMON, *packages])
            print(f"-- {name}: {versions(python)}", flush=True)
            tests = ROOT / "packages/vcr-llm/tests/test_llm_matrix.py"
            done = subprocess.run([python, "-m", "pytest", "-q", "--timeout=120", str(tests)], cwd=ROOT, check=False)
            failed = failed or done.returncode != 0
    raise SystemExit(failed)


if __name__ == "__main__":
    main()
