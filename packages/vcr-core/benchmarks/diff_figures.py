"""Print what the diff costs: ``python packages/vcr-core/benchmarks/diff_figures.py [tau-bench JSON file]``.

Each line is the best of five runs in milliseconds, and the number of operations found.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

from vcr_core.diff import diff, diff_as_patch, exact_equal, first_difference
from vcr_core.json_patch import apply

FILLER = "lorem ipsum dolor sit amet "


def history(count: int, repeats: int) -> dict[str, Any]:
    roles = ("assistant", "user")
    return {"messages": [{"role": roles[at % 2], "content": f"message {at} {FILLER * repeats}"} for at in range(count)]}


def edit(state: dict[str, Any]) -> dict[str, Any]:
    """Insert a message, change one, pop one."""
    edited = json.loads(json.dumps(state))
    messages = edited["messages"]
    messages.insert(len(messages) // 4, {"role": "user", "content": "one more"})
    messages[len(messages) // 2]["content"] += " and so on"
    messages.pop(len(messages) * 3 // 4)
    return edited


def best(work: Callable[[], Any]) -> tuple[float, Any]:
    times: list[float] = []
    result: Any = None
    for _ in range(5):
        begun = time.perf_counter()
        result = work()
        times.append(time.perf_counter() - begun)
    return min(times) * 1000, result


def show(name: str, old: Any, new: Any) -> None:
    spent, ops = best(lambda: diff(old, new))
    patch_spent, patch = best(lambda: diff_as_patch(old, new))
    apply_spent, result = best(lambda: apply(old, patch))
    if not exact_equal(result, new):
        raise SystemExit(f"{name}: the patch does not lead to the new value")
    print(
        f"{name:44} diff {spent:7.1f} ms {len(ops):6,} ops   patch {patch_spent:7.1f} ms {len(patch):6,} ops"
        f"   apply {apply_spent:7.1f} ms"
    )


def show_runs(path: Path) -> None:
    """Diff each real conversation against its first half, and against the next run."""
    runs = [run["traj"] for run in json.loads(path.read_text(encoding="utf-8"))]
    begun = time.perf_counter()
    grown = sum(len(diff(run[: len(run) // 2], run)) == len(run) - len(run) // 2 for run in runs)
    between = time.perf_counter()
    exact = sum(exact_equal(apply(x, diff_as_patch(x, y)), y) for x, y in pairwise(runs))
    print(f"{path.name}: {grown}/{len(runs)} runs grown from their half are additions only, ", end="")
    print(
        f"{(between - begun) * 1000 / len(runs):.2f} ms each; {exact}/{len(runs) - 1} patches to the next run exact, ",
        end="",
    )
    print(f"{(time.perf_counter() - between) * 1000 / (len(runs) - 1):.2f} ms each")


def main() -> None:
    state = history(4000, 10)
    show("4,000 messages: insert, change, pop", state, edit(state))
    for count, repeats in ((3500, 10), (40, 970)):
        state = history(count, repeats)
        size = len(json.dumps(state)) / 2**20
        show(f"{size:.2f} MiB in {count:,} messages: the same edits", state, edit(state))
    copy = json.loads(json.dumps(state))
    spent, found = best(lambda: first_difference(state, copy))
    print(f"{'first_difference of two equal 1 MiB states':44} {spent:7.1f} ms, {found}")
    n = 10_000
    show("10,000 numbers, all different", list(range(n)), list(range(n, 2 * n)))
    show(
        "10,000 messages, all different",
        [{"role": "user", "content": f"a{at}"} for at in range(n)],
        [{"role": "user", "content": f"b{at}"} for at in range(n)],
    )
    show("10,000 equal, one gone", [0] * n, [0] * (n - 1))
    show("5,000 equal before 5,000 others, swapped", [0] * 5000 + [1] * 5000, [1] * 5000 + [0] * 5000)
    show("10,000 reversed", list(range(n)), list(range(n))[::-1])
    old: Any = 1
    new: Any = 2
    for at in range(1000):
        old, new = ({"k": old}, {"k": new}) if at % 2 else ([old], [new])
    show("1,000 levels deep", old, new)
    for name in sys.argv[1:]:
        show_runs(Path(name))


if __name__ == "__main__":
    main()
