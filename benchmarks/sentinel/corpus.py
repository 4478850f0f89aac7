"""Real code to measure Sentinel on: released packages, fetched once into a cache directory.

`python benchmarks/sentinel/corpus.py` downloads every release named here with `pip download` (wheels, no dependencies)
and unpacks the Python files. The cache lies at `$VCR_BENCH_CACHE` or `~/.cache/vcr-sentinel-bench`; nothing of it is
kept in the repository. Consecutive releases of one package serve as a history: each file that differs is one write.
"""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

RELEASES: dict[str, list[str]] = {
    "django": ["2.2", "3.0", "3.1", "3.2", "4.0", "4.1", "4.2", "5.0", "5.1", "5.2"],
    "sympy": ["1.8", "1.9", "1.10.1", "1.11.1", "1.12", "1.13.3"],
    "networkx": ["2.4", "2.5", "2.6.3", "2.7.1", "2.8.8", "3.0", "3.1", "3.2.1", "3.3", "3.4.2"],
    "celery": ["5.2.7", "5.3.6", "5.4.0"],
    "scrapy": ["1.8.0", "2.0.1", "2.2.0", "2.4.1", "2.6.3", "2.8.0", "2.9.0", "2.11.2", "2.12.0"],
    "flask": ["0.12.5", "1.0.4", "1.1.4", "2.0.3", "2.1.3", "2.2.5", "2.3.3", "3.0.3", "3.1.0"],
    "werkzeug": ["0.16.1", "1.0.1", "2.0.3", "2.1.2", "2.2.3", "2.3.8", "3.0.6", "3.1.3"],
    "click": ["7.1.2", "8.0.4", "8.1.8"],
    "requests": ["2.18.4", "2.20.1", "2.22.0", "2.25.1", "2.27.1", "2.28.2", "2.31.0", "2.32.3"],
    "httpx": ["0.13.3", "0.16.1", "0.18.2", "0.20.0", "0.22.0", "0.23.3", "0.25.2", "0.27.2", "0.28.1"],
    "fastapi": ["0.60.2", "0.70.1", "0.85.2", "0.95.2", "0.103.2", "0.110.3", "0.115.6"],
    "starlette": ["0.13.8", "0.16.0", "0.20.4", "0.25.0", "0.30.0", "0.36.3", "0.41.3"],
    "rich": ["9.13.0", "10.16.2", "11.2.0", "12.6.0", "13.3.5", "13.7.1", "13.9.4"],
    "textual": ["0.20.1", "0.30.0", "0.40.0", "0.50.1", "0.60.1", "0.70.0", "0.80.1", "0.89.1", "1.0.0"],
    "pip": ["18.1", "19.3.1", "20.2.4", "21.3.1", "22.3.1", "23.3.2", "24.3.1", "25.0"],
    "setuptools": ["45.0.0", "52.0.0", "58.0.0", "62.0.0", "65.5.1", "68.0.0", "70.0.0", "75.6.0"],
    "pytest": ["5.4.3", "6.2.5", "7.0.1", "7.2.2", "7.4.4", "8.0.2", "8.2.2", "8.3.4"],
    "langchain-core": ["0.1.10", "0.1.53", "0.2.0", "0.2.43", "0.3.0", "0.3.20", "0.3.40"],
    "openai": ["1.0.0", "1.10.0", "1.20.0", "1.30.0", "1.40.0", "1.50.0", "1.60.0"],
    "anthropic": ["0.8.0", "0.18.0", "0.25.0", "0.30.0", "0.40.0", "0.45.0"],
    "transformers": ["4.30.2", "4.33.3", "4.36.2"],
    "sqlalchemy": ["2.0.10", "2.0.20", "2.0.30", "2.0.36"],
    "faker": ["4.18.0", "8.16.0", "13.16.0", "18.13.0", "25.9.2", "33.1.0"],
    "docutils": ["0.16", "0.18.1", "0.19", "0.20.1", "0.21.2"],
    "pygments": ["2.5.2", "2.8.1", "2.11.2", "2.14.0", "2.16.1", "2.18.0"],
    "nltk": ["3.6.7", "3.7", "3.8.1", "3.9.1"],
}
PLAIN = ["mypy", "pylint", "numpy", "pandas", "scipy"]  # only one release each, for counts


def cache_dir() -> Path:
    """Where downloads and unpacked releases are kept between runs."""
    return Path(os.environ.get("VCR_BENCH_CACHE", Path.home() / ".cache" / "vcr-sentinel-bench"))


def fetch(package: str, version: str) -> Path | None:
    """Download and unpack one release; `None` where no wheel of it can be had."""
    target = cache_dir() / "unpacked" / f"{package}-{version}"
    if target.is_dir():
        return target
    wheels = cache_dir() / "wheels" / f"{package}-{version}"
    command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary", ":all:"]
    command += ["--python-version", "3.11", "-d", str(wheels), f"{package}=={version}" if version else package]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        print(f"skipped {package} {version}: {done.stderr.strip().splitlines()[-1:]}", file=sys.stderr)
        return None
    for wheel in wheels.glob("*.whl"):
        with zipfile.ZipFile(wheel) as archive:
            members = [name for name in archive.namelist() if name.endswith((".py", ".pyi", ".so", ".pyx"))]
            archive.extractall(target, members)
        wheel.unlink()
    return target


def histories() -> Iterator[tuple[str, list[Path]]]:
    """Each package with the folders of its releases, oldest first."""
    for package, versions in RELEASES.items():
        folders = [folder for version in versions if (folder := fetch(package, version)) is not None]
        yield package, folders


def latest_releases() -> list[Path]:
    """One folder per package: its newest release here."""
    newest = [folders[-1] for _, folders in histories() if folders]
    return newest + [folder for package in PLAIN if (folder := fetch(package, "")) is not None]


def main() -> int:
    """Fetch everything and say how much there is."""
    for package, folders in histories():
        files = sum(1 for folder in folders for _ in folder.rglob("*.py"))
        print(f"{package:16} {len(folders):3} releases {files:6} files")
    latest_releases()
    return 0


if __name__ == "__main__":
    sys.exit(main())
