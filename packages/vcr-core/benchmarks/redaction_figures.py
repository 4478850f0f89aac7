"""Print what redaction costs and how often it is wrong on real conversations.

Run: `python packages/vcr-core/benchmarks/redaction_figures.py [path to tau-bench-airline.json]`. Times are the best of
several rounds; the first line, a plain lower-casing of the same bytes, tells how fast the machine is just now.
"""

from __future__ import annotations

import base64
import json
import os
import sys
import timeit
from collections.abc import Callable
from pathlib import Path

import msgspec

from vcr_core.redaction import Redactor

DATA = Path(__file__).resolve().parents[4] / "shared" / "data" / "tau-bench-airline.json"


def best(work: Callable[[], object], *, number: int = 1, rounds: int = 15) -> float:
    """Return the seconds that one call takes, in the best round."""
    return min(timeit.repeat(work, number=number, repeat=rounds)) / number


def main() -> None:
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else DATA
    messages = [message for run in json.loads(path.read_text("utf-8")) for message in run["traj"]]
    lines = [msgspec.json.encode(message) for message in messages]
    redactor = Redactor(key=bytes(32), env={"APP_PASSWORD": "corr3ct-horse", "API_TOKEN": "a1b2c3d4-e5f6-tok"})
    altered = sum(redactor.redact_tree(message) is not message for message in messages)
    suspected = sum(redactor.may_contain(line) for line in lines)
    print(f"{len(messages)} messages: {altered} altered, {suspected} suspected")

    chat = [
        line
        for m, line in zip(messages, lines, strict=True)
        if m["role"] != "tool" and 700 < len(m["content"] or "") < 1400
    ]
    everything = b"\n".join(lines)
    blocks = [everything[i : i + 1024] for i in range(0, 1024 * 400, 1024)]
    big = everything[:1_000_000]
    image = b'{"image":"' + base64.b64encode(os.urandom(750_000)) + b'"}'
    print(f"lower()           1 MB       {best(big.lower) / len(big) * 1e9:8.2f} ns/byte")
    for label, group in (("chat messages", chat), ("blocks of JSON", blocks)):
        size = sum(map(len, group)) / len(group)
        seconds = best(lambda group=group: [redactor.may_contain(line) for line in group]) / len(group)
        rate = f"{seconds / size * 1e9:.2f} ns/byte"
        print(f"may_contain       {label:15s} {seconds * 1e6:6.2f} us of {size:.0f} bytes, {rate}")
    for label, data in (("conversations", big), ("base64 image", image)):
        seconds = best(lambda data=data: redactor.may_contain(data), rounds=5)
        print(f"may_contain       {label:15s} {seconds / len(data) * 1e9:6.2f} ns/byte of {len(data) / 1e6:.1f} MB")
    seconds = best(lambda: redactor.is_secret_key("messages"), number=10_000)
    print(f"is_secret_key     cached       {seconds * 1e9:8.1f} ns")
    text = f"Authorization: Bearer {'gh' + 'p_' + 'a1' * 18} and words, " + "more words " * 85
    print(f"redact_text       1 KB, 1 hit  {best(lambda: redactor.redact_text(text), number=20) * 1e6:8.1f} us")


if __name__ == "__main__":
    main()
