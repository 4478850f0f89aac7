"""Sentinel at work: an agent writes clean code, then breaks the rules, is told, and mends it. All of it is on record.

Run `python examples/sentinel_demo.py`. It needs no key and no network; the trail is `.vcr/sentinel-demo.vcr`.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from vcr_core import VCRPlayer, VCRRecorder
from vcr_sentinel import Sentinel, render_for_agent
from vcr_sentinel.recording import replay

UTILS = '''\
"""Passwords."""

from hashlib import pbkdf2_hmac


def hash_password(password, salt):
    """Derive a key from a password."""
    data = password.encode("utf-8")
    key = pbkdf2_hmac("sha256", data, salt, 200_000)
    return key.hex()
'''
CLEAN = '''\
"""Sessions."""

from auth.utils import hash_password


def open_session(user, password):
    """Log a user in."""
    return {"user": user, "key": hash_password(password, user.salt)}
'''
VIOLATIONS = '''\
"""Handlers."""

from hashlib import pbkdf2_hmac

from auth.utils import hash_pasword


def hash_password(password, salt):
    """Make a hash."""
    data = password.encode("utf-8")  # the same as in auth/utils.py
    key = pbkdf2_hmac("sha256", data, salt, 200_000)
    return key.hex()


def register(name, email, password, salt, role, team):
    try:
        store(name, email, hash_password(password, salt), role, team)
    except Exception:
        pass
    # ... rest of the code unchanged ...
'''
CORRECTED = '''\
"""Handlers."""

from auth.utils import hash_password


def register(person, password, salt):
    """Store a new person."""
    return {**person, "key": hash_password(password, salt)}
'''


def main() -> int:
    """Tell the story in four acts; exit code 0 if each went as it should."""
    home = Path(".vcr").resolve()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "auth").mkdir()
        (root / "auth" / "__init__.py").touch()
        (root / "auth" / "utils.py").write_text(UTILS)
        recorder = VCRRecorder(str(home))
        recorder.start_session("sentinel-demo", tags=("sentinel",))
        with Sentinel(root=root, recorder=recorder, slow_lane="off") as sentinel:
            print("1. Clean code: nothing to say.")
            clean = sentinel.check("sessions.py", CLEAN)
            print(f"   findings: {len(clean)}\n\n2. The agent copies a function and cuts corners:")
            told = sentinel.check("handlers.py", VIOLATIONS)
            print(render_for_agent(told))
            print("\n3. It reads that and corrects itself:")
            left = sentinel.check("handlers.py", CORRECTED) + sentinel.turn_end()
            print(f"   findings: {len(left)}; corrected {sentinel.corrected} of {sentinel.reported}")
            corrected = sentinel.corrected
        path = recorder.save()
        recorder.close()
    player = VCRPlayer.load(str(path))
    again = replay(path)
    print(f"\n4. The audit trail: {path.relative_to(Path.cwd())}, {len(player.frames)} frames")
    for row in player.rows:
        said = player.goto_frame(row.index).get("findings", [])
        print(f"   #{row.index} {row.node_name:18} {', '.join(item['code'] for item in said) or '-'}")
    print(f"   checked again from the recording: {again.frames} checks, {len(again.differing)} differ")
    print("\nUndo, replay and look at any of it:  vcr show sentinel-demo")
    return 0 if not clean and len(told) == corrected and not left and not again.differing else 1


if __name__ == "__main__":
    sys.exit(main())
