"""The table of rules: what each is for, an example, and the way out. `explain` and the documentation print it."""

from __future__ import annotations

from typing import NamedTuple


class Rule(NamedTuple):
    """One rule's documentation."""

    code: str
    title: str
    severity: str
    lane: str
    why: str
    example: str
    fix: str


_ABSENT = "WARNING, CRITICAL at the end of a turn"
_RULES = (
    Rule("VS001", "file does not parse", "CRITICAL", "fast",
         "Everything else is unknown until it parses. Syntax that only a newer Python knows is not reported.",
         "def f(:\n    pass", "Mend the syntax at the line named; nothing else of the file is checked until then."),
    Rule("VS002", "allow comment without a reason", "WARNING", "fast",
         "A suppression that gives no reason cannot be reviewed, so it is not honoured.",
         "x = 1  # sentinel: allow[VS101]", "Write the reason after the bracket, or remove the comment."),
    Rule("VS101", "exact duplicate", "CRITICAL for functions, WARNING for methods and in doubt", "fast",
         "Two copies drift apart: the bug mended in one stays in the other. Compared by tokens, without docstring, "
         "annotations, comments and layout; from 40 tokens and 4 statements, or smaller under the same name of "
         "several words. Functions also need equal decorators, and every name from outside has to stand for the same "
         "thing in both modules; where that cannot be told, it is a warning.",
         "# handlers.py\ndef hash_password(p, salt): ...   # same body as auth/utils.py",
         "Delete the copy and import the original. `sentinel scan --fix` does it where nothing else can change by it."),
    Rule("VS102", "duplicate with renamed locals", "WARNING", "fast",
         "The same code under other variable names is the same code. From 60 tokens and 5 statements; constants, "
         "attributes and called names must be equal.",
         "def total(rows): ...    # sum_up(lines) with every local renamed", "Call the function that is there."),
    Rule("VS103", "near-miss duplicate", "WARNING", "slow",
         "A copy with a line changed is usually meant to be the original with a parameter. At least 90 % of tokens "
         "equal, the same outside names, locals mapped consistently, most string constants equal.",
         "def load_users(path): ...   # load_orders with one line different",
         "Give the original a parameter for what differs, and call it."),
    Rule("VS104", "same name and parameters, other body", "WARNING", "fast",
         "Two module-level functions of one multi-word name and equal parameters are confused by people and agents. "
         "Also told of equal bodies whose outside names may stand for different things.",
         "# a.py\ndef parse_config(path): ...\n# b.py\ndef parse_config(path): ...   # does something else",
         "Import the one that is there, or name the new one for how it differs."),
    Rule("VS201", "function too long", "CRITICAL when crossed, WARNING when it grew", "fast",
         "Long functions hide their parts. Limit 40 lines from `def` to the end.",
         "def handle(request):  # 61 lines", "Split it where it changes subject."),
    Rule("VS202", "function too complex", "CRITICAL when crossed, WARNING when it grew", "fast",
         "Each branch needs a test. McCabe complexity, counted as ruff's C901 counts it. Limit 8.",
         "def route(event):  # nine branches", "Move branches into functions, or use a table."),
    Rule("VS203", "too many parameters", "CRITICAL when crossed, WARNING when it grew", "fast",
         "Calls with many arguments are written wrong. Counted as ruff's PLR0913 counts them. Limit 5; tests exempt.",
         "def send(to, cc, bcc, subject, body, attachments): ...", "Group what belongs together into one object."),
    Rule("VS301", "imported name does not exist", _ABSENT, "fast",
         "The project's module is there and does not define the name: the import raises ImportError.",
         "from auth.utils import hash_pasword", "Correct the name, or define it."),
    Rule("VS302", "imported module does not exist", _ABSENT, "fast",
         "The package is the project's and has no such module. Only a warning at first: it may be written next.",
         "from auth.crypto import seal   # auth/ has no crypto", "Correct the name, or create the module."),
    Rule("VS303", "call does not fit the signature", _ABSENT, "fast",
         "The call raises TypeError. Reported only where the callee is certain: one undecorated definition.",
         "hash_password(pw)   # def hash_password(password, salt)", "Pass what the signature asks for."),
    Rule("VS304", "module has no such function", _ABSENT, "fast",
         "A call through an imported module of the project to a name it does not define raises AttributeError.",
         "from auth import utils\nutils.hash_pw('x')", "Correct the name, or define it."),
    Rule("VS401", "stub", "CRITICAL where a function's body was replaced, else WARNING", "fast",
         "An emptied body passes imports and type checks and does nothing.",
         "def charge(order):\n    pass", "Write the body."),
    Rule("VS402", "swallowed error", "WARNING", "fast",
         "`except Exception: pass` turns a failure into a wrong result far away.",
         "try:\n    save()\nexcept Exception:\n    pass", "Catch the one exception you expect, or log and re-raise."),
    Rule("VS403", "weakened test", "CRITICAL without assertions, else WARNING", "fast, and at the end of a turn",
         "A red test was made green by asking less of the code.",
         "@pytest.mark.skip\ndef test_refund(): ...", "Mend the code the test checks."),
    Rule("VS404", "secret", "CRITICAL", "fast",
         "A key in a provider's documented format; once committed it must be considered known.",
         "API_KEY = 'sk_' + 'live_…'", "Read it from the environment, and revoke it."),
    Rule("VS405", "left-over placeholder", "CRITICAL", "fast",
         "A comment such as `# ... rest of the code unchanged` was written into the file in place of the code. Strings "
         "and docstrings may hold such words.",
         "def f():\n    # ... existing code ...", "Write out the code."),
    Rule("VS406", "unused new private function", "WARNING", "end of turn",
         "A private module-level function that this turn added and nothing in its file uses was left behind.",
         "def _old_way(): ...", "Use it or delete it."),
)  # fmt: skip

RULES: dict[str, Rule] = {rule.code: rule for rule in _RULES}


def explain(code: str) -> str | None:
    """A rule's page as plain text; `None` for an unknown code."""
    rule = RULES.get(code.upper())
    if rule is None:
        return None
    example = "\n".join(f"    {line}" for line in rule.example.splitlines())
    return (
        f"{rule.code}  {rule.title}\nSeverity: {rule.severity}. Lane: {rule.lane}.\n\n{rule.why}\n\n{example}\n\n"
        f"Fix: {rule.fix}\nAllow one place, with a reason:  # sentinel: allow[{rule.code}] why\n"
    )


def as_markdown() -> str:
    """The page `docs/sentinel-rules.md`."""
    parts = ["# Sentinel's rules\n\nMade from the rule table by `sentinel explain --markdown`; do not edit by hand.\n"]
    parts += [
        f"\n## {rule.code}: {rule.title}\n\n*{rule.severity}; lane: {rule.lane}.* {rule.why}\n\n"
        f"```python\n{rule.example}\n```\n\n**Fix.** {rule.fix}\n"
        for rule in _RULES
    ]
    return "".join(parts)
