"""Findings as text, JSON, GitHub annotations and SARIF 2.1.0."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any, Literal
from urllib.parse import quote

from vcr_sentinel.findings import Finding, Severity, sort_findings
from vcr_sentinel.hook_client import VERSION
from vcr_sentinel.rules import RULES

Format = Literal["text", "json", "sarif", "github"]
_GITHUB = {Severity.CRITICAL: "error", Severity.WARNING: "warning", Severity.INFO: "notice"}
_SARIF = {Severity.CRITICAL: "error", Severity.WARNING: "warning", Severity.INFO: "note"}
_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"


def render(findings: list[Finding], style: Format, *, files: int) -> str:
    """Findings in one of the formats; `files` is how many were looked at."""
    ordered = sort_findings(findings)
    if style == "json":
        return json.dumps({"files": files, "findings": [item.as_dict() for item in ordered]}, indent=1)
    if style == "sarif":
        return json.dumps(as_sarif(ordered), indent=1)
    if style == "github":
        return "\n".join(map(_annotation, ordered))
    return _text(ordered, files)


def _text(findings: list[Finding], files: int) -> str:
    lines = [item.as_text() for item in findings]
    counts = Counter(item.severity.value for item in findings)
    said = ", ".join(f"{counts[level.value]} {level.value.lower()}" for level in Severity if counts[level.value])
    lines.append(f"{files} files, {said or 'nothing wrong'}.")
    return "\n".join(lines)


def _annotation(item: Finding) -> str:
    def escape(text: str, *, name: bool = False) -> str:
        text = text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
        return text.replace(":", "%3A").replace(",", "%2C") if name else text

    place = f"file={escape(item.path, name=True)},line={item.line},title={escape(item.code, name=True)}"
    return f"::{_GITHUB[item.severity]} {place}::{escape(f'{item.message} Fix: {item.fix}')}"


def as_sarif(findings: list[Finding]) -> dict[str, Any]:
    """One SARIF 2.1.0 log with one run."""
    codes = sorted({item.code for item in findings} | set(RULES))
    return {
        "$schema": _SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "vcr-sentinel",
                        "semanticVersion": VERSION,
                        "rules": [_sarif_rule(code) for code in codes],
                    }
                },
                "columnKind": "unicodeCodePoints",
                "results": [_sarif_result(item, codes.index(item.code)) for item in findings],
            }
        ],
    }


def _sarif_rule(code: str) -> dict[str, Any]:
    rule = RULES.get(code)
    if rule is None:
        return {"id": code, "shortDescription": {"text": f"ruff {code}"}}
    return {
        "id": code,
        "name": "".join(word.capitalize() for word in rule.title.split()),
        "shortDescription": {"text": rule.title},
        "fullDescription": {"text": rule.why},
        "help": {"text": rule.fix},
    }


def _sarif_result(item: Finding, rule_index: int) -> dict[str, Any]:
    result: dict[str, Any] = {
        "ruleId": item.code,
        "ruleIndex": rule_index,
        "level": _SARIF[item.severity],
        "message": {"text": f"{item.message} Fix: {item.fix}"},
        "locations": [_location(item.path, item.line)],
        "partialFingerprints": {"sentinel/v1": item.fingerprint},
    }
    path, _, line = item.related.rpartition(":")
    if path:
        result["relatedLocations"] = [{**_location(path, int(line)), "id": 1}]
    return result


def _location(path: str, line: int) -> dict[str, Any]:
    return {
        "physicalLocation": {
            "artifactLocation": {"uri": quote(path), "uriBaseId": "%SRCROOT%"},
            "region": {"startLine": max(1, line)},
        }
    }
