"""The findings that were read by hand (`labelled.tsv`): how many are right, by severity.

`python benchmarks/sentinel/labelled.py` prints the shares. The list was drawn from `replay_histories.py --slow --dump`
over scrapy, rich, celery, httpx, textual, starlette, fastapi, langchain-core and pytest (3,494 writes, 2,214 findings):
all findings of the rare rules, and random samples of VS103 (20), VS2xx (24), VS301 (4) and VS303 (6).

"right" means that the statement was true when it was told and worth telling. "overtaken" means that a later write of
the same release made it moot: a function that moves is written at its new place before it is deleted at the old one,
and a caller may be written before the callee. Exit code 1 below 95 % (CRITICAL) or 85 % (WARNING) right.
"""

from __future__ import annotations

import csv
import sys
from collections import Counter
from pathlib import Path

GOALS = {"CRITICAL": 0.95, "WARNING": 0.85}


def main() -> int:
    """Run."""
    with Path(__file__).with_name("labelled.tsv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream, delimiter="\t"))
    missed = False
    for severity, goal in GOALS.items():
        own = [row for row in rows if row["severity"] == severity]
        right = sum(row["verdict"] == "right" for row in own)
        lasting = sum(row["verdict"] == "right" and row["at the end of the release"] == "stands" for row in own)
        missed = missed or right < goal * len(own)
        print(f"{severity:9} {right} of {len(own)} right ({right / len(own):.1%}, goal {goal:.0%}); "
              f"{lasting} still stood at the end of their release")  # fmt: skip
        for code, count in sorted(Counter(row["code"] for row in own).items()):
            good = sum(row["verdict"] == "right" for row in own if row["code"] == code)
            print(f"    {code}  {good} of {count}")
    print(f"{len(rows)} findings read")
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
