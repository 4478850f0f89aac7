"""Without root's powers: write-protected directories are restored, unreadable files are left alone."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

SCRIPT = """
import os, sys
from pathlib import Path
import subprocess, shutil, random, json  # loaded while the interpreter can still be read
import vcr_acid.testing.judge, vcr_core.redaction
from vcr_acid import ACIDWorkspace
home = Path(sys.argv[1])
if os.geteuid() == 0:
    os.setgid(65534); os.setuid(65534)
os.environ.update(HOME=str(home), XDG_STATE_HOME=str(home / "state"))
top = home / "p"
(top / "ro").mkdir(parents=True)
(top / "ro" / "f").write_text("before")
(top / "ro" / "f").chmod(0o400)
(top / "ro").chmod(0o555)
acid = ACIDWorkspace(top)
acid.begin("s")
(top / "ro").chmod(0o755)
(top / "ro" / "f").chmod(0o600)
(top / "ro" / "f").write_text("after")
(top / "ro" / "g").write_text("new")
(top / "ro").chmod(0o555)
(top / "hidden").write_text("nobody may read this")
(top / "hidden").chmod(0)
made = acid.savepoint()
report = acid.rollback(to_savepoint=0)
modes = [oct((top / name).stat().st_mode & 0o777) for name in ("ro", "ro/f")]
print(json.dumps([(top / "ro" / "f").read_text(), sorted(p.name for p in (top / "ro").iterdir()), modes,
                  (top / "hidden").exists(), dict(made.unsaved), dict(report.skipped)]))
acid.abort()
"""


@pytest.mark.skipif(os.name != "posix", reason="permission bits are POSIX")
def test_write_protected_directories_and_unreadable_files() -> None:
    import json

    with tempfile.TemporaryDirectory() as home:
        Path(home).chmod(0o777)
        done = subprocess.run([sys.executable, "-c", SCRIPT, home], capture_output=True, check=False, text=True)
        assert done.returncode == 0, done.stderr
        text, names, modes, hidden, unsaved, skipped = json.loads(done.stdout)
        (Path(home) / "p" / "ro").chmod(0o755)
    assert (text, names, modes) == ("before", ["f"], ["0o555", "0o400"])
    assert hidden
    assert "hidden" in unsaved
    assert "hidden" in skipped
