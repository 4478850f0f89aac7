"""The tool that plays the pages of the documentation finds what is not true."""

from __future__ import annotations

import pytest

PAGE = """\
```python
# hello.py
print("hello", 3.25, "ms")
```

```console
$ python hello.py
hello 1.5 ms
```
"""


@pytest.fixture
def tool(load_tool):
    return load_tool("run_page")


@pytest.mark.parametrize(
    ("old", "new", "count"),
    [
        ("", "", 0),
        ("hello 1.5", "goodbye 1.5", 1),
        ('print("hello"', 'raise SystemExit("hello"', 1),
        ("hello 1.5 ms", "…", 0),
    ],
)
def test_a_page_is_true_if_its_commands_print_what_it_says(tool, tmp_path, old, new, count):
    assert len(tool.faults(PAGE.replace(old, new) if old else PAGE, tmp_path)) == count


def test_what_was_printed_is_put_into_the_page(tool, tmp_path):
    assert "hello 3.25 ms" in tool.rewrite(PAGE.replace("hello 1.5 ms", "something else"), tmp_path)


def test_an_agreeing_page_is_left_as_it_is(tool, tmp_path):
    assert tool.rewrite(PAGE, tmp_path) == PAGE


def test_an_expected_exit_status_is_the_last_command_s(tool, tmp_path):
    page = "<!-- exit status: 3 -->\n\n```console\n$ true\n$ exit 3\n```\n"
    assert tool.faults(page, tmp_path) == []


def test_a_marked_fence_is_not_run(tool, tmp_path):
    assert tool.play("<!-- not run: it would never end -->\n\n```console\n$ sleep 1000\n```\n", tmp_path) == []


def test_a_failing_command_is_never_written_into_a_page(tool, tmp_path):
    with pytest.raises(SystemExit, match="exit status 9"):
        tool.rewrite("```console\n$ exit 9\n```\n", tmp_path)
