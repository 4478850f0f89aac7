from __future__ import annotations

import pytest

from vcr_sentinel import RULES, Config, Limits, Sentinel, Severity, explain, render_for_agent


def codes(findings):
    return [item.code for item in findings]


def long_function(lines, name="f"):
    return f"def {name}():\n" + "".join(f"    x{number} = {number}\n" for number in range(lines - 1))


def test_a_function_crossing_a_limit_is_told_once_and_then_left_alone(sentinel):
    assert sentinel.check("a.py", long_function(40)) == []
    first = sentinel.check("a.py", long_function(44))
    assert codes(first) == ["VS201"]
    assert first[0].severity is Severity.CRITICAL
    assert "44 lines, was 40 (limit 40)" in first[0].message
    assert sentinel.check("a.py", long_function(45)) == []
    worse = sentinel.check("a.py", long_function(60))
    assert [(item.code, item.severity) for item in worse] == [("VS201", Severity.WARNING)]
    assert sentinel.check("a.py", "\n\n" + long_function(60)) == []


def test_one_function_gives_one_size_finding(sentinel):
    source = "def f(a, b, c, d, e, g):\n" + "".join(f"    if a == {n}:\n        b += {n}\n" for n in range(30))
    (finding,) = sentinel.check("a.py", source)
    assert finding.code == "VS202"
    assert "31 complexity (limit 8); 61 lines; 6 parameters" in finding.message


def test_limits_can_be_given(project):
    with Sentinel(root=project, limits=Limits(lines=3), persist=False, slow_lane="off") as guard:
        assert codes(guard.check("a.py", long_function(4))) == ["VS201"]


def test_an_exact_duplicate_names_the_original_and_the_import(sentinel, hash_password):
    (finding,) = sentinel.check("handlers.py", f"from hashlib import sha256\n\n\n{hash_password}")
    assert finding.as_text() == (
        "SENTINEL CRITICAL VS101 handlers.py:4 hash_password() duplicates auth/utils.py:4 "
        "(same parameters, same body).\n"
        "  Fix: delete it and add `from auth.utils import hash_password`. Do not rename it to avoid this check."
    )


USES_LOG = """def sum_up(lines, factor):
    total = 0
    for line in lines:
        total += line.amount * factor
    log("summed", len(lines), total)
    return total
"""


@pytest.mark.parametrize(
    ("original", "copy"),
    [
        ("from log import log\n", "from logging import log\n"),
        ("log = print\n", "log = print\n"),
        ("from log import log\n", "def log(*what): pass\n"),
        ("from log import log\n", "from log import log\nlen = id\n"),
        ("from .log import log\n", "from log import log\n"),
        ("from log import log\n", "from log import log\n@route('/sum')\n"),
        ("from web import log, route\n@route('/sum')\n", "from web import log, route\n@route('/add')\n"),
    ],
)
def test_a_copy_that_does_something_else_is_no_duplicate(sentinel, original, copy):
    sentinel.check("a/first.py", original + USES_LOG)
    assert "VS101" not in codes(sentinel.check("b/second.py", copy + USES_LOG))


@pytest.mark.parametrize(
    ("original", "copy"),
    [
        ("from log import log\n", "from log import log\n"),
        ("from log import log\n", ""),
        ("def log(*what): pass\n", "from a.first import log\n"),
        ("from auth import utils as log\n", "import auth.utils as log\n"),
        ("def sum_down(): pass\n\nlog = sum_down\n", "from a.first import log\n"),
    ],
)
def test_a_copy_that_does_the_same_is_a_duplicate(sentinel, original, copy):
    sentinel.check("a/__init__.py", "")
    sentinel.check("a/first.py", original + USES_LOG)
    assert codes(sentinel.check("b/second.py", copy + USES_LOG)) == ["VS101"]


@pytest.mark.parametrize("copy", ["from log import *\n", "from log import log\nlog = log\n"])
def test_a_copy_whose_names_cannot_be_known_is_a_warning(sentinel, copy):
    sentinel.check("a/first.py", f"from log import log\n{USES_LOG}")
    (finding,) = sentinel.check("b/second.py", copy + USES_LOG)
    assert (finding.code, finding.severity) == ("VS101", Severity.WARNING)
    assert "names may mean other things" in finding.message


def test_a_recursive_copy_is_a_duplicate(sentinel):
    walk = "def walk_down(node, found):\n    for child in node.children:\n        found.append(child)\n"
    walk += "        walk_down(child, found)\n    found.sort()\n    print(len(found))\n    return found\n"
    sentinel.check("one.py", walk)
    assert codes(sentinel.check("two.py", walk)) == ["VS101"]


def test_a_class_inside_of_a_copy_is_no_doubt(sentinel):
    make = (
        "def make_kind(name, size):\n    class Kind:\n        width: int = size\n        def get(self): return name\n"
    )
    make += "    Kind.title = name.title()\n    Kind.area = size * size\n    return Kind\n"
    sentinel.check("one.py", make)
    (finding,) = sentinel.check("two.py", make)
    assert (finding.code, finding.severity) == ("VS101", Severity.CRITICAL)


def test_what_the_tokens_leave_out_tells_functions_apart(sentinel, sum_up):
    sentinel.check("one.py", sum_up.replace('"summed"', 'f"summed {factor!r}"'))
    assert "VS101" not in codes(sentinel.check("two.py", sum_up.replace('"summed"', 'f"summed {factor}"')))


def test_a_namesake_whose_names_may_mean_other_things_is_a_warning(sentinel):
    source = USES_LOG.replace("sum_up", "sum_all")
    sentinel.check("one.py", f"log = print\n\n\n{source}")
    (finding,) = sentinel.check("two.py", f"log = repr\n\n\n{source}")
    assert (finding.code, finding.severity) == ("VS104", Severity.WARNING)
    assert "one.py:4, whose names may mean other things" in finding.message


def test_layout_docstring_comments_and_annotations_make_no_difference(sentinel, sum_up):
    changed = sum_up.replace("(lines, factor)", "(lines: list, factor: float = None or 1)", 1)
    changed = sum_up.replace(
        "def sum_up(lines, factor):", 'def other(lines: list, factor: int) -> int:\n    "x"\n    # c'
    )
    assert codes(sentinel.check("copy.py", f"from log import log\n{changed}")) == ["VS101"]


def test_renamed_locals_are_seen_through_and_changed_constants_are_not_the_same(sentinel, sum_up):
    renamed = sum_up.replace("total", "acc").replace("lines", "rows").replace("line", "row").replace("sum_up", "tally")
    assert codes(sentinel.check("copy.py", renamed)) == ["VS102"]
    assert codes(sentinel.check("copy2.py", renamed.replace('"gross"', '"other"').replace("tally", "tally2"))) == []


def test_the_name_of_a_caught_error_is_a_local_too(sentinel, sum_up):
    body = sum_up.replace(
        "    total = 0\n", "    total = 0\n    try:\n        load()\n    except OSError as exc:\n        log(exc)\n"
    )
    sentinel.check("one.py", body.replace("sum_up", "first_sum"))
    assert codes(
        sentinel.check(
            "two.py", body.replace("as exc", "as err").replace("(exc)", "(err)").replace("sum_up", "second_sum")
        )
    ) == ["VS102"]


def test_a_copy_that_was_told_deleted_and_written_again_is_told_again(sentinel, sum_up):
    assert codes(sentinel.check("copy.py", sum_up)) == ["VS101"]
    sentinel.deleted("copy.py")
    assert codes(sentinel.check("copy.py", sum_up)) == ["VS101"]


def test_a_copy_with_a_line_changed_comes_with_the_slow_lane(sentinel, sum_up):
    near = sum_up.replace("sum_up", "sum_rows").replace("round(total, 2)", "round(total, 3)")
    assert sentinel.check("copy.py", near) == []
    sentinel.drain()
    (finding,) = sentinel.check("other.py", "x = 1\n")
    assert finding.code == "VS103"
    assert "billing.py:4" in finding.message


def test_methods_of_one_name_are_no_duplicates(sentinel):
    source = "".join(
        f"class A{n}:\n    def run(self, items):\n        a{n} = items.x{n}()\n        b = a{n}.y{n}\n"
        f"        for c in b: c.z{n}()\n        return b\n\n"
        for n in range(4)
    )
    assert sentinel.check("a.py", source) == []


@pytest.mark.parametrize("marker", ["@overload", "@abstractmethod"])
def test_stubs_are_no_duplicates(sentinel, hash_password, marker):
    assert sentinel.check("a.py", f"{marker}\n{hash_password}") == []


def test_sync_and_async_twins_are_left_alone(sentinel, sum_up):
    assert sentinel.check("aio.py", sum_up.replace("def ", "async def ")) == []


def test_same_name_and_parameters_with_another_body_is_a_warning(sentinel):
    body = "def hash_password(password, salt):\n    one = password.upper().strip()\n    two = one.replace(salt, '')\n"
    body += "    three = two.split(':')\n    return three[0] + three[1] + one\n"
    (finding,) = sentinel.check("other.py", body)
    assert (finding.code, finding.severity) == ("VS104", Severity.WARNING)


def test_imports_that_cannot_work(sentinel):
    found = sentinel.check(
        "a.py", "from auth.utils import hash_pasword, b64\nfrom auth import nowhere\nimport auth.crypto\n"
    )
    assert sorted((item.code, item.severity.value) for item in found) == [
        ("VS301", "WARNING"), ("VS301", "WARNING"), ("VS301", "WARNING"), ("VS302", "WARNING"),
    ]  # fmt: skip
    assert "if `hash_password` was meant, use that" in next(f.fix for f in found if "pasword" in f.message)


@pytest.mark.parametrize(
    "source",
    [
        "import requests\nfrom os import path\nrequests.anything(1)\n",
        "try:\n    from auth.fast import x\nexcept ImportError:\n    x = None\n",
        "from auth import utils\nutils.hash_password('a', salt='b')\n",
        "from auth.utils import *\nhash_password(*args)\n",
        "from auth._version import version\n",
        "import auth.utils\nauth.utils.hash_password('a', **more)\n",
        "from auth.utils import hash_password as f\nf('a', 'b')\nf = str\nf()\n",
        "def hash_password(a): pass\ndef g(hash_password): hash_password(1, 2, 3)\n",
    ],
)
def test_imports_and_calls_that_work_or_might(sentinel, source):
    assert sentinel.check("a.py", source) == []


def test_a_folder_between_two_packages_is_one_too(sentinel, project):
    slack = project / "app" / "integrations" / "slack"
    slack.mkdir(parents=True)
    sentinel.check("app/__init__.py", "")
    sentinel.check("app/integrations/slack/__init__.py", "")
    source = "from slack import WebClient\nfrom slack.errors import SlackApiError\n"
    assert sentinel.check("app/integrations/slack/client.py", source) == []
    assert sentinel.modules.root_of("app/integrations/slack/client.py") == ""
    assert sentinel.modules.root_of("app/scripts/run.py") == ""
    assert sentinel.modules.root_of("tools/scripts/run.py") == "tools/scripts"


@pytest.mark.parametrize(
    ("call", "why"),
    [
        ("hash_password('a')", "without `salt`"),
        ("hash_password('a', 'b', 'c')", "with 3 positional arguments; it takes 2"),
        ("hash_password('a', salty=1)", "with `salty=`"),
        ("hash_password('a', 'b', password=1)", "with `password` given twice"),
    ],
)
def test_calls_that_cannot_bind(sentinel, call, why):
    (finding,) = sentinel.check("a.py", f"from auth.utils import hash_password\n\n{call}\n")
    assert finding.code == "VS303"
    assert why in finding.message
    assert finding.related == "auth/utils.py:4"


def test_a_constructor_is_checked_only_where_it_is_certain(sentinel):
    source = "class A:\n    def __init__(self, a, b=1): pass\nclass B(A):\n    pass\nA()\nB()\n"
    assert [item.line for item in sentinel.check("a.py", source)] == [5]


def test_a_function_the_module_lacks(sentinel):
    (finding,) = sentinel.check("a.py", "from auth import utils\nutils.hash_pasword('a', 'b')\n")
    assert (finding.code, finding.line) == ("VS304", 2)


def test_an_emptied_body_is_critical(sentinel, project):
    (finding,) = sentinel.check("auth/utils.py", "def hash_password(password, salt):\n    pass\n")
    assert (finding.code, finding.severity) == ("VS401", Severity.CRITICAL)


def test_a_swallowed_error_is_a_warning_and_a_handled_one_is_not(sentinel):
    bad = "try:\n    f()\nexcept Exception:\n    pass\n"
    assert codes(sentinel.check("a.py", bad)) == ["VS402"]
    assert sentinel.check("a.py", bad + "\nx = 1\n") == []
    assert sentinel.check("b.py", "try:\n    f()\nexcept KeyError:\n    pass\n") == []
    assert sentinel.check("c.py", bad.replace("pass", "raise")) == []


def test_of_several_swallowed_errors_the_new_one_is_told(sentinel):
    old = "    try:\n        old_one()\n    except Exception:\n        pass\n"
    sentinel.check("a.py", f"def f():\n    a()\n    b()\n{old}")
    new = old.replace("old_one", "a")
    found = sentinel.check("a.py", f"def f():\n{new}    b()\n{old}")
    assert [(item.code, item.line) for item in found] == [("VS402", 4)]


def test_swallowed_errors_deep_in_each_other_are_read_in_no_time(sentinel):
    deep = [f"{' ' * level}try:\n" for level in range(90)]
    ends = [f"{' ' * level}except Exception: pass\n" for level in reversed(range(90))]
    assert len(sentinel.check("a.py", "".join([*deep, f"{' ' * 90}pass\n", *ends]))) == 90


def test_an_assertion_by_its_plain_name_counts(sentinel):
    head = "def test_mean():\n    got = mean([1.0, 2.0])\n"
    sentinel.check("tests/test_m.py", head + "    assert abs(got - 1.5) < 1e-9\n")
    assert sentinel.check("tests/test_m.py", head + "    assert_allclose(got, 1.5)\n") == []
    assert sentinel.check("tests/test_m.py", "def test_mean():\n    with assert_raises(E):\n        mean([])\n") == []
    assert sentinel.check("tests/test_m.py", "def test_mean():\n    with raises(E):\n        mean([])\n") == []


def test_weakened_tests(sentinel):
    strong = "def test_a():\n    x = 1\n    assert x == 1\n    assert x\n"
    assert sentinel.check("tests/test_a.py", strong) == []
    (fewer,) = sentinel.check("tests/test_a.py", strong.replace("    assert x\n", ""))
    assert (fewer.code, fewer.severity) == ("VS403", Severity.WARNING)
    (none,) = sentinel.check("tests/test_a.py", "def test_a():\n    x = 1\n")
    assert (none.code, none.severity) == ("VS403", Severity.CRITICAL)
    skipped = sentinel.check("tests/test_a.py", "@pytest.mark.skip\ndef test_a():\n    x = 1\n")
    assert "now marked" in skipped[0].message


def test_provider_keys_are_found_by_format_not_by_name(sentinel):
    key = "AKIA" + "QYLPMN5HFIQR7XYA"
    (finding,) = sentinel.check("a.py", f"KEY = '{key}'\npassword = 'hunter2'\n")
    assert finding.code == "VS404"
    assert key not in finding.as_text()
    header = "-----BEGIN " + "PRIVATE KEY-----"
    assert sentinel.check("c.py", f"if '{header}' in text:\n    pass\n") == []
    assert codes(sentinel.check("d.py", f'KEY = """{header}\nMIIEvQIBADANBgkqhkiG9w0B\n"""\n')) == ["VS404"]
    assert sentinel.check("b.py", "KEY = 'AKIA" + "IOSFODNN7EXAMPLE'\n") == []


@pytest.mark.parametrize(
    "comment", ["# ... rest of code unchanged ...", "# ... existing code ...", "# rest of the file remains the same",
                "# (rest of the implementation unchanged)", "# … remaining methods"],
)  # fmt: skip
def test_placeholders_are_critical(sentinel, comment):
    (finding,) = sentinel.check("a.py", f"def f():\n    x = 1\n    {comment}\n")
    assert (finding.code, finding.line) == ("VS405", 3)


@pytest.mark.parametrize(
    "text",
    [
        'def f():\n    """Example::\n\n        class A:\n            # ... other members\n    """\n    return 1\n',
        'TEMPLATE = """\nENV=1\n# ... existing code ...\n"""\n',
    ],
)
def test_a_placeholder_in_a_string_is_text(sentinel, text):
    assert sentinel.check("a.py", text) == []


def test_a_placeholder_behind_an_apostrophe_is_a_comment(sentinel):
    source = 'class A:\n    def f(self):\n        x = "it\'s"  # ... existing code ...\n        return x\n'
    assert codes(sentinel.check("a.py", source)) == ["VS405"]


def test_a_comment_that_took_the_place_of_code_is_read(sentinel):
    key = "AKIA" + "QYLPMN5HFIQR7XYA"
    functions = [f"def number_{word}(a):\n    return compute_{word}(a)\n\n\n" for word in ("one", "two", "three")]
    sentinel.check("a.py", "".join(functions))
    functions[1] = f"# ... rest of the code unchanged ...\n# AWS: {key}\n\n\n"
    found = sentinel.check("a.py", "".join(functions))
    assert [(item.code, item.line) for item in found] == [("VS405", 5), ("VS404", 6)]
    assert sentinel.check("a.py", "".join(["import os\n", *functions])) == []


def test_a_comment_that_took_the_place_of_methods_is_read(sentinel):
    methods = [f"    def number_{n}(self):\n        value = {n}\n        return value\n\n" for n in range(12)]
    sentinel.check("a.py", "".join(["class A:\n", *methods]))
    methods[3:] = ["    # ... existing methods unchanged ...\n"]
    assert codes(sentinel.check("a.py", "".join(["class A:\n", *methods]))) == ["VS405"]


@pytest.mark.parametrize(
    "comment", ["# the rest of the arguments", "# existing rows are kept", "x = '# ... rest of it'"]
)
def test_ordinary_comments_are_no_placeholders(sentinel, comment):
    assert sentinel.check("a.py", f"def f():\n    x = 1\n    {comment}\n") == []


def test_an_allow_comment_needs_a_reason(sentinel, hash_password):
    source = f"# sentinel: allow[VS101] kept apart on purpose\n{hash_password}"
    results = []
    sentinel.on_result(results.append)
    assert sentinel.check("a.py", source) == []
    assert [(item.finding.code, item.reason) for item in results[0].allowed] == [("VS101", "kept apart on purpose")]
    assert sorted(codes(sentinel.check("b.py", f"# sentinel: allow[VS101]\n{hash_password}"))) == ["VS002", "VS101"]


def test_ignored_rules_are_silent(project, hash_password):
    with Sentinel(root=project, config=Config(ignore=("VS1",)), persist=False, slow_lane="off") as guard:
        assert guard.check("a.py", hash_password) == []


def test_messages_are_short_and_few(sentinel, hash_password):
    source = "".join(f"from auth.utils import missing_{'x' * 60}{n}\n" for n in range(9)) + hash_password
    text = render_for_agent(sentinel.check("a.py", source))
    assert text.count("SENTINEL") == 6
    for message in text.split("SENTINEL")[1:]:
        assert len(message) <= 420


def test_every_rule_is_explained():
    for code in RULES:
        page = explain(code)
        assert page is not None
        assert "Fix:" in page
    assert explain("VS999") is None
