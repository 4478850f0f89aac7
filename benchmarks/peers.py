# ruff: noqa: RUF001  # the table says how many times
"""Ours beside the real predecessor, ``ai-agent-vcr`` 1.5.4, and ``git``, on the same work: one table with ratios.

``python benchmarks/peers.py [--quick] [--markdown docs/benchmarks.md]``; `nox -s peers` runs it.  The predecessor is
installed into an environment of its own beside the running one.  The two sides take turns, each piece of work in a
fresh process, and the medians are compared: absolute times vary from run to run, ratios within one run much less.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PREDECESSOR = "ai-agent-vcr==1.5.4"
WORDS = [
    "lorem",
    "ipsum",
    "dolor",
    "sit",
    "amet",
    "consectetur",
    "adipiscing",
    "elit",
    "sed",
    "do",
    "eiusmod",
    "tempor",
]


def text(rng: random.Random, length: int) -> str:
    words = []
    while sum(map(len, words)) + len(words) < length:
        words.append(rng.choice(WORDS))
    return " ".join(words)[:length]


# -- the work, the same on both sides: run with the interpreter of either --------------------------------------------


def new_recorder(side: str, folder: str, **options):
    if side == "ours":
        from vcr_core import VCRRecorder
    else:
        from agent_vcr import VCRRecorder
    recorder = VCRRecorder(output_dir=folder, **options)
    recorder.start_session(session_id="run")
    return recorder


def work_grow(side: str, folder: str, steps: int) -> dict:
    """Record a history that grows by 1 KB a step."""
    rng = random.Random(1)
    messages = [{"role": "user", "content": text(rng, 1000)} for _ in range(steps)]
    recorder = new_recorder(side, folder)
    started, worked = time.perf_counter(), time.process_time()
    for n in range(steps):
        recorder.record_step("node", {"messages": messages[:n]}, {"messages": messages[: n + 1]})
    recorder.save()
    seconds, processor = time.perf_counter() - started, time.process_time() - worked
    size = sum(path.stat().st_size for path in Path(folder).rglob("*.vcr"))
    return {
        "seconds": seconds,
        "processor": processor,
        "bytes": size,
        "content": len(json.dumps({"messages": messages})),
    }


def work_step(side: str, folder: str, steps: int, buffered: bool, new: bool) -> dict:
    """Record steps of a state of 1 KB, of which each gives a new one, or the one it took."""
    rng = random.Random(2)
    states = [{"task": "answer", "n": n if new else 0, "draft": text(rng, 950)} for n in range(steps + 1 if new else 1)]
    states *= 1 if new else steps + 1
    options = {} if side == "ours" else {"buffer_size": 100 if buffered else 1}
    recorder = new_recorder(side, folder, **options)
    for n in range(20):
        recorder.record_step("warm", states[n], states[n])
    took = []
    began, worked = time.perf_counter(), time.process_time()
    for n in range(steps):
        started = time.perf_counter_ns()
        recorder.record_step("node", states[n], states[n + 1])
        took.append((time.perf_counter_ns() - started) / 1000)
    recorder.save()
    mean = (time.perf_counter() - began) / steps * 1e6
    processor = (time.process_time() - worked) / steps * 1e6
    took.sort()
    return {"p50": took[len(took) // 2], "p99": took[len(took) * 99 // 100], "mean": mean, "processor": processor}


def work_make(side: str, folder: str, frames: int) -> dict:
    """Make a session of many frames with states of about 0.7 KB."""
    rng = random.Random(3)
    states = [{"task": "answer", "n": n, "draft": text(rng, 650)} for n in range(frames + 1)]
    recorder = new_recorder(side, folder)
    started = time.perf_counter()
    for n in range(frames):
        recorder.record_step("node", states[n], states[n + 1])
    path = recorder.save()
    return {"seconds": time.perf_counter() - started, "bytes": Path(path).stat().st_size}


def work_open(side: str, folder: str, frame: int) -> dict:
    """Open that session and read one frame."""
    if side == "ours":
        from vcr_core import VCRPlayer
        from vcr_core.player import open_source  # noqa: F401  # both sides have their modules loaded when it counts
    else:
        from agent_vcr import VCRPlayer
    path = next(Path(folder).glob("*.vcr"))
    started = time.perf_counter()
    state = VCRPlayer.load(path).goto_frame(frame)
    seconds = time.perf_counter() - started
    assert state["n"] == frame + 1
    return {"seconds": seconds}


def work_import(side: str, folder: str) -> dict:
    """Import the package."""
    before = set(sys.modules)
    started = time.perf_counter()
    if side == "ours":
        import vcr_core
    else:
        import agent_vcr  # noqa: F401
    seconds = time.perf_counter() - started
    if side == "ours":
        vcr_core.VCRRecorder, vcr_core.VCRPlayer  # noqa: B018  # loads what a recording program loads
    whole = time.perf_counter() - started
    own = {"vcr_core" if side == "ours" else "agent_vcr"}
    roots = {name.partition(".")[0] for name in set(sys.modules) - before}
    others = sorted(roots - own - set(sys.stdlib_module_names) - {"_distutils_hack"})
    return {"seconds": seconds, "whole": whole, "others": others}


def work_goto(side: str, folder: str, steps: int) -> dict:
    """Go to frames of a growing session at random, beside decoding the same states from plain JSON with msgspec."""
    import msgspec

    from vcr_core import VCRPlayer

    work_grow(side, folder, steps)
    player = VCRPlayer.load_by_id("run", folder)
    places = random.Random(4).sample(range(steps), min(steps, 200))
    plain = {place: msgspec.json.encode(player.goto_frame(place)) for place in places}
    times: dict[int, tuple[list[float], list[float]]] = {place: ([], []) for place in places}
    for _ in range(5):
        random.shuffle(places)  # never the same place twice in a row: that would be a cache alone
        for place in places:
            started = time.perf_counter()
            msgspec.json.decode(plain[place])
            times[place][0].append(time.perf_counter() - started)
            started = time.perf_counter()
            player.goto_frame(place)
            times[place][1].append(time.perf_counter() - started)
    ratios = [statistics.median(ours) / statistics.median(theirs) for theirs, ours in times.values()]
    cold = []
    for place in places[:20]:
        fresh = VCRPlayer.load_by_id("run", folder)
        started = time.perf_counter()
        fresh.goto_frame(place)
        took = time.perf_counter() - started
        started = time.perf_counter()
        msgspec.json.decode(plain[place])
        cold.append(took / (time.perf_counter() - started))
    return {"ratio": statistics.median(ratios), "worst": max(ratios), "cold": statistics.median(cold)}


def work_small(side: str, folder: str) -> dict:
    """Go to frames of a session of small states at random."""
    if side == "ours":
        from vcr_core import VCRPlayer
    else:
        from agent_vcr import VCRPlayer
    player = VCRPlayer.load(next(Path(folder).glob("*.vcr")))
    took = []
    rng = random.Random(5)
    for _ in range(2000):
        place = rng.randrange(10_000)
        started = time.perf_counter()
        player.goto_frame(place)
        took.append((time.perf_counter() - started) * 1e6)
    took.sort()
    return {"p50": took[1000], "p99": took[1980]}


WORK = {name.removeprefix("work_"): function for name, function in list(globals().items()) if name.startswith("work_")}


# -- taking turns ----------------------------------------------------------------------------------------------------


def predecessor_python() -> Path:
    """Return an interpreter that has the predecessor; makes its environment the first time."""
    if given := os.environ.get("VCR_PEERS_PYTHON"):
        return Path(given)
    home = Path(sys.prefix) / "peers"
    python = home / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(home)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "-q", PREDECESSOR], check=True)
    return python


class Turns:
    """Runs a piece of work on either side, in processes of their own."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.pythons = {"ours": Path(sys.executable), "theirs": predecessor_python()}

    def run(self, side: str, work: str, folder: Path, *arguments: object) -> dict:
        folder.mkdir(parents=True, exist_ok=True)
        # No secret of the one who runs this is looked for: both sides see the same plain environment.
        environment = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
        call = json.dumps([side, work, str(folder), *arguments])
        done = subprocess.run(
            [str(self.pythons[side]), str(Path(__file__).resolve()), "--work", call],
            capture_output=True, text=True, check=False, env=environment, cwd=self.root,
        )  # fmt: skip
        if done.returncode:
            raise SystemExit(f"{side} failed at {work}:\n{done.stderr}")
        return json.loads(done.stdout.splitlines()[-1])

    def fresh(self, side: str, work: str, *arguments: object) -> dict:
        folder = Path(tempfile.mkdtemp(dir=self.root))
        try:
            return self.run(side, work, folder, *arguments)
        finally:
            shutil.rmtree(folder)


def median(runs: list[dict], field: str) -> float:
    return statistics.median(run[field] for run in runs)


def compare(turns: Turns, times: int, steps: int, frames: int) -> list[tuple[str, str, str, str, str]]:
    rows: list[tuple[str, str, str, str, str]] = []

    def add(what: str, ours: str, theirs: str, ratio: str, goal: str) -> None:
        rows.append((what, ours, theirs, ratio, goal))
        print(f"  {what}: {ours} | {theirs} | {ratio}", file=sys.stderr, flush=True)

    grown = [turns.fresh("ours", "grow", steps) for _ in range(times)]
    old = [turns.fresh("theirs", "grow", steps)]
    grown += [turns.fresh("ours", "grow", steps) for _ in range(times)]
    ours, theirs = median(grown, "seconds"), median(old, "seconds")
    add(
        f"record {steps:,} steps growing 1 KB each",
        f"{ours * 1e3:.0f} ms",
        f"{theirs:.1f} s",
        f"{theirs / ours:.0f}×",
        "≥ 300×",
    )
    ours, theirs = median(grown, "processor"), median(old, "processor")
    add("  processor time of it", f"{ours * 1e3:.0f} ms", f"{theirs:.1f} s", f"{theirs / ours:.0f}×", "")
    content = median(grown, "content")
    ours, theirs = median(grown, "bytes"), median(old, "bytes")
    add(
        "  bytes on disk / content",
        f"{ours / content:.2f}×",
        f"{theirs / content:.0f}×",
        f"{theirs / ours:.0f}×",
        "≤ 2×",
    )

    kinds = {"ours": ("ours", True), "buffered": ("theirs", True), "durable": ("theirs", False)}
    single: dict[str, list[dict]] = {name: [] for name in kinds}
    for _ in range(times):
        for name, (side, buffered) in kinds.items():
            single[name].append(turns.fresh(side, "step", frames if buffered else 2000, buffered, True))
    p50, p99, mean = (median(single["ours"], field) for field in ("p50", "p99", "mean"))
    buffered, durable = median(single["buffered"], "mean"), median(single["durable"], "mean")
    old_p50, old_p99 = median(single["buffered"], "p50"), median(single["buffered"], "p99")
    add(
        "one 1 KB step, all new, p50",
        f"{p50:.1f} µs",
        f"{old_p50:.1f} µs (buffered)",
        f"{old_p50 / p50:.2f}×",
        "≤ 30 µs",
    )
    add(
        "one 1 KB step, all new, p99",
        f"{p99:.0f} µs",
        f"{old_p99:.0f} µs (buffered)",
        f"{old_p99 / p99:.1f}×",
        "≤ 1 ms",
    )
    add(
        "  mean with save(), theirs buffered", f"{mean:.1f} µs", f"{buffered:.1f} µs", f"{buffered / mean:.1f}×", "≥ 4×"
    )
    add("  mean with save(), theirs durable", f"{mean:.1f} µs", f"{durable:.1f} µs", f"{durable / mean:.1f}×", "≥ 20×")

    unchanged: dict[str, list[dict]] = {name: [] for name in kinds}
    for _ in range(times):
        for name, (side, buffered) in kinds.items():
            unchanged[name].append(turns.fresh(side, "step", frames if buffered else 2000, buffered, False))
    same, buffered, durable = (median(unchanged[name], "mean") for name in kinds)
    add(
        "  mean, a step that leaves the state as it was",
        f"{same:.1f} µs",
        f"{buffered:.1f} µs buffered, {durable:.1f} durable",
        f"{buffered / same:.1f}× and {durable / same:.1f}×",
        "",
    )

    spent = median(single["ours"], "processor")
    buffered, durable = median(single["buffered"], "processor"), median(single["durable"], "processor")
    told = f"{buffered:.1f} µs buffered, {durable:.1f} durable"
    add("  processor time a step", f"{spent:.1f} µs", told, f"{buffered / spent:.1f}× and {durable / spent:.1f}×", "")

    folders = {side: turns.root / side for side in ("ours", "theirs")}
    for side, folder in folders.items():
        turns.run(side, "make", folder, frames)
    without: list[dict] = []
    with_index: list[dict] = []
    old = []
    for n in range(times):
        place = frames * (n + 1) // (times + 2)
        shutil.rmtree(folders["ours"] / ".index", ignore_errors=True)
        without.append(turns.run("ours", "open", folders["ours"], place))
        old.append(turns.run("theirs", "open", folders["theirs"], place))
        with_index.append(turns.run("ours", "open", folders["ours"], place))
    slow, quick, theirs = median(without, "seconds"), median(with_index, "seconds"), median(old, "seconds")
    add(
        f"open {frames:,} frames, read one",
        f"{slow * 1e3:.1f} ms",
        f"{theirs * 1e3:.0f} ms",
        f"{theirs / slow:.0f}×",
        "≥ 10×",
    )
    add("  with our index", f"{quick * 1e3:.2f} ms", f"{theirs * 1e3:.0f} ms", f"{theirs / quick:.0f}×", "≥ 50×")
    if frames == 10_000:
        small, old_small = turns.run("ours", "small", folders["ours"]), turns.run("theirs", "small", folders["theirs"])
        add(
            "goto_frame, small states, p50",
            f"{small['p50']:.0f} µs",
            f"{old_small['p50']:.0f} µs (all loaded)",
            "",
            "≤ 100 µs",
        )
    goto = [turns.fresh("ours", "goto", steps) for _ in range(max(1, times // 2))]
    add(
        "goto_frame, growing / msgspec decode",
        f"{median(goto, 'ratio'):.2f}×",
        "",
        f"worst {median(goto, 'worst'):.2f}×",
        "≤ 2×",
    )
    add("  the first one of a fresh player", f"{median(goto, 'cold'):.2f}×", "", "", "")

    loaded: dict[str, list[dict]] = {"ours": [], "theirs": []}
    for _ in range(times + 2):
        for side, runs in loaded.items():
            runs.append(turns.fresh(side, "import"))
    ours, theirs = median(loaded["ours"], "seconds"), median(loaded["theirs"], "seconds")
    add("import", f"{ours * 1e3:.0f} ms", f"{theirs * 1e3:.0f} ms", f"{theirs / ours:.0f}×", "≤ 60 ms")
    whole = median(loaded["ours"], "whole")
    others = ", ".join(loaded["ours"][0]["others"]) or "none"
    add(
        "  with recorder and player",
        f"{whole * 1e3:.0f} ms",
        f"{theirs * 1e3:.0f} ms",
        f"{theirs / whole:.0f}×",
        f"brings in: {others}",
    )
    return rows


HEAD = ("work", "ours", f"{PREDECESSOR.replace('==', ' ')}, or git", "ratio", "goal")


def show(rows: list[tuple[str, str, str, str, str]]) -> None:
    table = [HEAD, *rows]
    widths = [max(len(row[column]) for row in table) for column in range(5)]
    for number, row in enumerate(table):
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
        if number == 0:
            print("  ".join("-" * width for width in widths))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="less work: the order of magnitude, in half a minute")
    parser.add_argument(
        "--markdown", type=Path, metavar="PAGE", help="also put the table into a page, between its marks"
    )
    parser.add_argument("--work", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work:
        side, work, folder, *arguments = json.loads(options.work)
        print(json.dumps(WORK[work](side, folder, *arguments)))
        return
    if options.markdown and not options.markdown.is_file():
        parser.error(f"--markdown: there is no page {options.markdown}; give one that has the marks for the table")
    from peers_git import compare_with_git
    from peers_page import as_markdown, write_into

    times, steps, frames = (3, 300, 2000) if options.quick else (5, 1000, 10_000)
    with tempfile.TemporaryDirectory() as root:
        rows = compare(Turns(Path(root)), times, steps, frames)
    compare_with_git(lambda *row: rows.append(row), frames, 5 if options.quick else 15)
    show(rows)
    if options.markdown:
        words = " --quick" if options.quick else ""
        write_into(options.markdown, as_markdown(HEAD, rows, f"nox -s peers --{words} --markdown {options.markdown}"))


if __name__ == "__main__":
    main()
