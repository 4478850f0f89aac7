"""Cold index against `ast.parse`, warm start, memory, and `sentinel scan` cold and warm.

`python benchmarks/sentinel/index_speed.py [DIR]` measures on the standard library (about 840 kLOC) by default, each in
a process of its own. Exit code 1 where the ratio or a limit is missed; absolute times are of the machine it runs on.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import tempfile
import time
from pathlib import Path

PARSE = """
import ast, gc, sys, time, warnings
from pathlib import Path
warnings.simplefilter("ignore"); gc.disable()
texts = [p.read_bytes() for p in sorted(Path(sys.argv[1]).rglob("*.py")) if "site-packages" not in p.parts]
start = time.perf_counter()
lines = 0
for text in texts:
    try: ast.parse(text); lines += text.count(b"\\n")
    except (SyntaxError, ValueError): pass
print(time.perf_counter() - start, lines, len(texts))
"""
LOAD = """
import resource, sys, time
from pathlib import Path
from vcr_sentinel.config import Config
from vcr_sentinel.project import Project
start = time.perf_counter()
project = Project(Path(sys.argv[1]), Config(), store_path=Path(sys.argv[2]) / "index.sqlite")
changed = project.load()
took = time.perf_counter() - start
me, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
cpu = me.ru_utime + me.ru_stime + children.ru_utime + children.ru_stime
print(took, cpu, me.ru_maxrss / 1024, children.ru_maxrss / 1024, len(changed), len(project.index.files))
project.close()
"""


def run(program: str, *arguments: str) -> list[float]:
    """The numbers a program prints."""
    done = subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=True)
    return [float(item) for item in done.stdout.split()]


def scan(root: Path) -> float:
    """Seconds of one `sentinel scan`."""
    start, used = time.perf_counter(), os.times()
    command = [sys.executable, "-m", "vcr_sentinel.hook_client", "scan", str(root), "--format", "json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    files = json.loads(done.stdout)["files"]
    took = time.perf_counter() - start
    now = os.times()
    cpu = now.children_user + now.children_system - used.children_user - used.children_system
    print(f"  scan of {files} files: {took:.2f} s, {cpu:.2f} s CPU")
    return took


def copy_files(source: Path, target: Path, count: int) -> None:
    """Copy so many Python files."""
    for number, path in enumerate(p for p in sorted(source.rglob("*.py")) if "site-packages" not in p.parts):
        if number >= count:
            return
        place = target / path.relative_to(source)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(path.read_bytes())


def main(arguments: list[str]) -> int:
    """Run."""
    root = Path(arguments[0]) if arguments else Path(sysconfig.get_path("stdlib"))
    with tempfile.TemporaryDirectory() as folder:
        parse = min(run(PARSE, str(root))[0] for _ in range(2))
        _, lines, files = run(PARSE, str(root))
        cold = run(LOAD, str(root), folder)
        warm = min((run(LOAD, str(root), folder) for _ in range(3)), key=lambda row: row[0])
        print(f"{int(lines)} lines in {int(files)} files; ast.parse alone {parse:.2f} s")
        print(f"cold index: {cold[0]:.2f} s wall, {cold[1]:.2f} s CPU: {cold[1] / parse:.2f}x parse (CPU),"
              f" {cold[0] / parse:.2f}x (wall, {min(4, os.cpu_count() or 1)} processes)")  # fmt: skip
        print(f"warm start: {warm[0]:.2f} s; memory {warm[2]:.0f} MB warm, {cold[2]:.0f} MB cold "
              f"(+ {cold[3]:.0f} MB in the largest worker)")  # fmt: skip
        project = Path(folder) / "project"
        copy_files(root, project, 2000)
        print("cold:")
        cold_scan = scan(project)
        print("warm:")
        warm_scan = min(scan(project) for _ in range(3))
    missed = cold[1] > 4 * parse or warm[0] > 0.5 or cold[2] > 250 or cold_scan > 15 or warm_scan > 1.5
    return int(missed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
