"""Print what the debugger costs, on a real pseudo-terminal: ``python benchmarks/tui/figures.py DIR``.

DIR holds (or gets) the recordings of ``make_recordings.py``.  First paint counts from the start of the interpreter to
the first frame on the screen; a key counts from its byte going in to the last byte of the redraw coming out.  Memory is
the peak of the process.  ``--predecessor PYTHON`` runs ``ai-agent-vcr[tui]==1.5.4`` of that interpreter on a run of the
same 10,000 frames, in the same terminal.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import os
import pty
import select
import signal
import statistics
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

import make_recordings

RIGHT, PAGE_DOWN = b"\x1b[C", b"\x1b[6~"
WIDTH, HEIGHT = 120, 40


class Terminal:
    """A program on a pseudo-terminal."""

    def __init__(self, command: list[str], *, env: dict[str, str] | None = None, cwd: str | None = None) -> None:
        master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", HEIGHT, WIDTH, 0, 0))
        self.started = time.perf_counter()
        environment = {**os.environ, "TERM": "xterm-256color", "PYTHONUTF8": "1", **(env or {})}
        self.process = subprocess.Popen(
            command, stdin=slave, stdout=slave, stderr=slave, env=environment, cwd=cwd, start_new_session=True
        )
        os.close(slave)
        self.fd = master
        self.output = b""

    def read(self, timeout: float) -> bytes:
        if not select.select([self.fd], [], [], timeout)[0]:
            return b""
        with contextlib.suppress(OSError):
            block = os.read(self.fd, 1 << 16)
            self.output += block
            if b"\x1b[6n" in block:  # asked where the cursor is: answer as a terminal does
                os.write(self.fd, b"\x1b[1;1R")
            return block
        return b""

    def until(self, text: bytes, timeout: float = 60) -> float:
        """Return the seconds from the start until `text` was written."""
        end = time.perf_counter() + timeout
        while text not in self.output:
            self.read(0.5)
            if time.perf_counter() > end or self.process.poll() is not None:
                raise SystemExit(f"{text!r} never came: {self.output[-600:]!r}")
        return time.perf_counter() - self.started

    def quiet(self, seconds: float) -> float:
        """Read until nothing came for so long; return when the last byte came."""
        last = time.perf_counter()
        while self.read(seconds):
            last = time.perf_counter()
        return last

    def key(self, key: bytes, *, settle: float = 0.06) -> float:
        """Press a key; return the seconds until the last byte of the redraw."""
        self.quiet(0.01)
        begun = time.perf_counter()
        os.write(self.fd, key)
        while not self.read(10):
            if time.perf_counter() - begun > 30:
                return 30.0
        return self.quiet(settle) - begun

    def peak_mib(self) -> float:
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmHWM"):
                return int(line.split()[1]) / 1024
        return 0.0

    def cpu(self) -> float:
        """Return the seconds that the process has computed so far."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def close(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGTERM)
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        os.close(self.fd)


def first_paint(path: Path, *, times: int) -> list[tuple[float, float]]:
    found: list[tuple[float, float]] = []
    for _ in range(times):
        terminal = Terminal([sys.executable, "-m", "vcr_tui.cli", str(path)])
        wall = terminal.until(b"summarise")  # the name of a frame in the list
        found.append((wall, terminal.cpu()))
        terminal.close()
    return sorted(found)


def keys(terminal: Terminal, key: bytes, *, times: int) -> list[float]:
    return sorted(terminal.key(key) for _ in range(times))


def spread(values: list[float]) -> str:
    p95 = values[min(len(values) - 1, int(len(values) * 0.95))]
    return f"p50 {statistics.median(values) * 1e3:6.1f} ms   p95 {p95 * 1e3:6.1f} ms   max {values[-1] * 1e3:6.1f} ms"


def figures(path: Path, *, times: int) -> None:
    paint = first_paint(path, times=5)
    print(f"{path.name}: {path.stat().st_size / 1e6:.0f} MB")
    median, best = statistics.median(wall for wall, _ in paint), paint[0][0]
    cpu = min(cpu for _, cpu in paint)
    print(
        f"  first paint          median {median * 1e3:5.0f} ms   best {best * 1e3:.0f} ms"
        f"   of it computing {cpu * 1e3:.0f} ms"
    )
    terminal = Terminal([sys.executable, "-m", "vcr_tui.cli", str(path)])
    try:
        terminal.until(b"summarise")
        time.sleep(0.3)
        print(f"  → while rows load    {spread(keys(terminal, RIGHT, times=max(10, times // 5)))}")
        time.sleep(4)
        print(f"  → next frame         {spread(keys(terminal, RIGHT, times=times))}")
        print(f"  PgDn                 {spread(keys(terminal, PAGE_DOWN, times=times))}")
        terminal.key(b"d")
        print(f"  → in the Diff pane   {spread(keys(terminal, RIGHT, times=times))}")
        print(f"  peak memory          {terminal.peak_mib():.0f} MiB")
        keys_during_search(terminal)
    finally:
        terminal.close()


def keys_during_search(terminal: Terminal) -> None:
    """Press keys while a search that finds nothing goes on; its line has to move meanwhile."""
    terminal.key(b"/")
    os.write(terminal.fd, b"nowhere to be found\r")
    begun = time.perf_counter()
    values: list[float] = []
    moves = 0
    while time.perf_counter() - begun < 20:
        os.write(terminal.fd, RIGHT)
        pressed = time.perf_counter()
        terminal.output = b""
        terminal.read(5)  # the first bytes of the redraw: its last ones mix with those of the moving line
        values.append(time.perf_counter() - pressed)
        terminal.read(0.03)
        moves += "━".encode() in terminal.output
        if b"nothing" in terminal.output:
            break
    took = time.perf_counter() - begun
    print(f"  → during a search    {spread(sorted(values))}   (its line moved {moves} times in {took:.1f} s)")


def search_figures(path: Path) -> None:
    from vcr_core.player import VCRPlayer
    from vcr_tui.session_search import SessionSearch

    player = VCRPlayer.load(path)
    for text in ("step 9990", "nowhere to be found", "Upstream", "input"):
        begun = time.perf_counter()
        search = SessionSearch(player.source, text, read_blob=lambda _: None)
        search.run()
        took = time.perf_counter() - begun
        print(f"  search {text!r:22} {took * 1e3:6.0f} ms   {len(search.matches)} frames")
    player.close()


def predecessor(python: str, directory: Path, *, times: int) -> None:
    """Write 10,000 frames with the predecessor's recorder and look at them with its debugger."""
    folder = directory / "predecessor"
    path = folder / "big.vcr"
    if not path.exists():
        folder.mkdir(exist_ok=True)
        source = Path(__file__).with_name("make_recordings.py").read_text(encoding="utf-8")
        script = f"""
import random, sys
from agent_vcr import VCRRecorder
words = {make_recordings.WORDS!r}
draw = random.Random(7)
text = lambda n: " ".join(draw.choice(words) for _ in range(n))
recorder = VCRRecorder(output_dir={str(folder)!r}); recorder.start_session("big")
history = [{{"role": "user", "content": text(40)}} for _ in range(10)]
for i in range(10000):
    history = [*history[1:], {{"role": "assistant", "content": text(39), "step": i}}]
    recorder.record_step({make_recordings.NODES!r}[i % 6], {{"step": i}}, {{"step": i, "messages": history}})
recorder.save()
"""
        assert "history" in source
        subprocess.run([python, "-c", script], check=True, timeout=600)
    command = [str(Path(python).with_name("vcr")), "tui", str(path)]
    terminal = Terminal(command)
    try:
        paint = terminal.until(b"summarise", timeout=120)
        terminal.quiet(1.0)
        print(f"predecessor, the same frames in {path.stat().st_size / 1e6:.0f} MB")
        print(f"  first paint          {paint * 1e3:5.0f} ms")
        values = sorted(terminal.key(b"\x1b[B", settle=0.5) for _ in range(max(3, times // 20)))
        print(f"  next frame           {spread(values)}")
        print(f"  peak memory          {terminal.peak_mib():.0f} MiB")
    finally:
        terminal.close()


def main() -> None:
    parser = argparse.ArgumentParser(description="Print what the debugger costs.")
    parser.add_argument("directory", type=Path)
    parser.add_argument("--times", type=int, default=100, help="key presses for each figure")
    parser.add_argument("--predecessor", metavar="PYTHON", help="an interpreter with ai-agent-vcr[tui]==1.5.4")
    arguments = parser.parse_args()
    make_recordings.main(arguments.directory)
    for name in ("big", "huge"):
        figures(arguments.directory / f"{name}.vcr", times=arguments.times)
        search_figures(arguments.directory / f"{name}.vcr")
    if arguments.predecessor:
        predecessor(arguments.predecessor, arguments.directory, times=arguments.times)
    print(f"load average of the machine meanwhile: {', '.join(f'{load:.1f}' for load in os.getloadavg())}; 2 cores")


if __name__ == "__main__":
    main()
