"""What the gate found, for people (Markdown) and for CI (JUnit XML, JSON)."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from xml.sax.saxutils import escape, quoteattr

from vcr_golden.drift import render_drifts
from vcr_golden.gate import EXIT_CODES, GateResult, Verdict

_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")


def verdict_of(results: Sequence[GateResult]) -> Verdict:
    """Return the verdict of all: drift before untestable before same; nothing tested is untestable."""
    verdicts = [result.verdict for result in results]
    if "drift" in verdicts:
        return "drift"
    return "untestable" if "untestable" in verdicts or not verdicts else "same"


def exit_code(results: Sequence[GateResult]) -> int:
    """Return 0 for same, 2 for drift, 125 for untestable (`git bisect run` skips the last)."""
    return EXIT_CODES[verdict_of(results)]


def text_report(results: Sequence[GateResult]) -> str:
    """Return a line for each golden run, and its reasons."""
    lines: list[str] = []
    for result in results:
        lines.append(f"{result.verdict.upper():<10} {_title(result)}  {result.ledger}")
        lines += [f"  {reason}" for reason in result.reasons()]
        if result.pending is not None:
            lines.append(f"  if this is meant: vcr golden accept {json.dumps(result.task, ensure_ascii=False)}")
    return "\n".join(lines) + "\n"


def markdown_report(results: Sequence[GateResult]) -> str:
    """Return a table, and the differences below it."""
    lines = ["# Golden gate", "", f"**{verdict_of(results)}** ({len(results)} golden runs)", ""]
    lines += ["| golden run | verdict | differences | saved |", "|---|---|---|---|"]
    for result in results:
        kinds = ", ".join(dict.fromkeys(drift.kind for drift in result.drifts)) or "-"
        share = result.ledger.saved_share
        saved = "unknown" if share is None else f"{share:.0%}"
        lines.append(f"| {_cell(_title(result))} | {result.verdict} | {kinds} | {saved} |")
    for result in results:
        if result.reasons():
            body = render_drifts(result.drifts) + "".join(
                f"{entry}\n" for entry in result.reasons()[len(result.drifts) :]
            )
            fence = "`" * max(3, *(len(run) + 1 for run in re.findall("`+", body)), 3)
            lines += ["", f"## {_cell(_title(result))}", "", f"{fence}text", body.rstrip(), fence]
    return "\n".join(lines) + "\n"


def junit_report(results: Sequence[GateResult]) -> str:
    """Return JUnit XML: a drift is a failure, what is untestable is an error."""
    failures = sum(result.verdict == "drift" for result in results)
    errors = sum(result.verdict == "untestable" for result in results)
    head = f'<testsuite name="golden" tests="{len(results)}" failures="{failures}" errors="{errors}">'
    cases = "".join(_case(result) for result in results)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<testsuites>{head}\n{cases}</testsuite></testsuites>\n'


def json_report(results: Sequence[GateResult]) -> str:
    """Return everything as JSON."""
    data = {"verdict": verdict_of(results), "runs": [result.as_dict() for result in results]}
    return json.dumps(data, indent=2, ensure_ascii=False) + "\n"


def _case(result: GateResult) -> str:
    name = quoteattr(_printable(_title(result)))
    start = f'  <testcase classname="golden" name={name}'
    reasons = [_printable(reason) for reason in result.reasons()]
    if not reasons:
        return f"{start}/>\n"
    tag = "failure" if result.verdict == "drift" else "error"
    return f"{start}><{tag} message={quoteattr(reasons[0])}>{escape(chr(10).join(reasons))}</{tag}></testcase>\n"


def _title(result: GateResult) -> str:
    return f"{result.task} (trial {result.trial})" if result.trial else result.task


def _cell(text: str) -> str:
    return _printable(text).replace("|", "\\|").replace("\n", " ")


def _printable(text: str) -> str:
    return _CONTROL.sub("\ufffd", text)
