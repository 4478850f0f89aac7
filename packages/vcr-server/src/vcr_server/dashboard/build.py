"""Makes ``static/`` from the modules here: ``python build.py``. Needs Node; installing the package does not.

The result is committed: 25 modules are 150 KB in 25 requests, the bundle is 105 KB in one, and the exported page
holds it whole. A test compares the hash in the bundle's first line with the sources. To work on the modules without
building, set ``VCR_DASHBOARD_SOURCES=1`` before starting the server.
"""

from __future__ import annotations

import hashlib
import subprocess
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
STATIC = HERE.parent / "static"
ESBUILD = "esbuild@0.28.2"


def hash_sources() -> str:
    """Return one hash over the names and contents of all modules and the style sheet."""
    digest = hashlib.sha256()
    for path in sorted([*HERE.rglob("*.js"), HERE / "style.css"]):
        digest.update(path.relative_to(HERE).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def bundle(entry: str, *options: str) -> str:
    """Run esbuild and return what it makes."""
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "out"
        arguments = ["--minify", "--legal-comments=none", "--target=esnext", "--charset=utf8", "--log-level=error"]
        command = ["npx", "--yes", ESBUILD, str(HERE / entry), f"--outfile={target}", *arguments, *options]
        subprocess.run(command, check=True, timeout=120)
        return target.read_text("utf-8").strip() + "\n"


def main() -> None:
    """Write the bundle and the style sheet."""
    head = (
        f"/* Agent VCR dashboard, MIT. sources sha256:{hash_sources()}\n"
        "   Holds preact 11.2.0 (MIT), htm 3.1.1 (Apache-2.0), @preact/signals 2.11.4 and @preact/signals-core 1.14.5\n"
        "   (MIT); hashes in dashboard/vendor/README.md, licences in vendored-licenses.txt. */\n"
    )
    (STATIC / "dashboard.js").write_text(head + bundle("main.js", "--bundle", "--format=esm"), "utf-8")
    (STATIC / "style.css").write_text(bundle("style.css"), "utf-8")
    print(sum(path.stat().st_size for path in STATIC.iterdir()), "bytes")


if __name__ == "__main__":
    main()
