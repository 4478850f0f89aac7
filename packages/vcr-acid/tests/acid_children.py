"""What the processes forked by the tests do; see ``vcr_acid.testing.nursery``."""

from __future__ import annotations

import contextlib
import os
import signal
import tempfile
import time
from pathlib import Path

from vcr_acid import ACIDWorkspace
from vcr_acid.cli import commands, operations, running  # noqa: F401  # imported once instead of in every process
from vcr_acid.testing.nursery import Progress
from vcr_core.cli import main


def warm_up() -> None:
    """Do everything once."""
    with tempfile.TemporaryDirectory() as home:
        Path(home, "p").mkdir()
        with ACIDWorkspace(Path(home, "p"), watch=False, state_dir=str(Path(home, "state"))) as acid:
            Path(home, "p", "f").write_text("f")
            acid.savepoint({"n": 1}, node_name="n")
            acid.undo()


def vcr(_: Progress, *words: str) -> int:
    """The ``vcr`` command."""
    return main(list(words))


def work(progress: Progress, top: str, state_dir: str, operation: str, watch: bool, took: str = "") -> int:
    """Go on with session ``s`` and do one thing; progress is told just before it and just after it.

    The file ``took`` gets the seconds between.
    """
    acid = ACIDWorkspace(top, watch=watch, state_dir=state_dir)
    acid.attach("s")
    progress()
    started = time.perf_counter()
    if operation == "savepoint":
        acid.savepoint({"n": 2}, node_name="two")
    elif operation == "rollback":
        acid.rollback(to_savepoint=0)
    elif operation == "undo":
        acid.undo()
    else:
        acid.commit("work")
    progress()
    if took:
        Path(took).write_text(str(time.perf_counter() - started))
    return 0


def commit_and_die(_: Progress, top: str) -> None:
    """Be killed in the first of two effects of a commit."""
    acid = ACIDWorkspace(top)
    acid.begin("s")
    Path(top, "a.txt").write_text("agent\n")
    acid.effect("mail", lambda: os.kill(os.getpid(), signal.SIGKILL), when="commit")
    acid.effect("pay", lambda: "paid", when="commit")
    acid.commit()


def recover(progress: Progress, top: str, state_dir: str) -> int:
    """Recover; progress is told just before it and just after it."""
    progress()
    ACIDWorkspace.recover(top, state_dir=state_dir)
    progress()
    return 0


def swap_with_links(progress: Progress, top: str, outside: str, names: list[str], count: str, stop: str) -> int:
    """Change directories and put links to ``outside`` in their place, as fast as this can, until ``stop`` is there.

    The number of links made so far is the size of the file ``count``.
    """
    progress()
    tally = os.open(count, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.chdir(top)
    made = 0
    while not Path(stop).exists():
        for name in names:
            aside = f"aside-{name}-{made}"
            with contextlib.suppress(OSError):  # whatever the rollback was faster with
                os.rename(name, aside)
                os.symlink(outside, name)
                made += 1
                os.write(tally, b".")
                Path(aside, "f").write_text(f"changed {made}")
                os.unlink(name)
            with contextlib.suppress(OSError):
                os.rename(aside, name)
    return 0
