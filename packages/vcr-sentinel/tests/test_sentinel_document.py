from __future__ import annotations

import contextlib
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import vcr_sentinel
from vcr_sentinel.document import Document
from vcr_sentinel.source_text import NewerSyntaxError, SourceError, parse_whole, to_utf8

FULL = os.environ.get("VCR_FULL") == "1"
SOURCES = [path.read_bytes() for path in sorted(Path(vcr_sentinel.__file__).parent.glob("*.py"))]
SNIPPETS = [
    b"\n", b"# a comment\n", b"x = 1\n", b"    x = 1\n", b"        x = 1\n", b"def f(a):\n", b"    return a\n",
    b"class A:\n", b"    def m(self): pass\n", b"    @property\n", b"@dec\n", b"else:\n", b"    else:\n", b'"""\n',
    b"(\n", b")\n", b"x = 1; y = 2\n", b"if a:\n", b"import os\n", b"from . import x\n", b"    async def n(self):\n",
    b"try:\n", b"except E:\n", b"    pass\n", b"x = \\\n", b"def g(): return [i for i in range(3)]\n",
]  # fmt: skip


def flat(document: Document) -> list[str]:
    """All facts with absolute lines, free of where chunks begin."""
    facts: list[object] = []
    first = 1
    for chunk in document.chunks:
        core, detail = chunk.core, chunk.detail
        for item, grams in zip(core.functions, detail.grams, strict=True):
            moved = item._replace(start=item.start + first, line=item.line + first, end=item.end + first)
            facts.append((moved, grams))
        placed = (*core.classes, *core.bindings, *core.imports, *detail.calls, *detail.swallowed)
        facts += [item._replace(line=item.line + first if item.line >= 0 else -1) for item in placed]
        facts += ["dynamic"] if core.dynamic else []
        first += chunk.lines
    return sorted(map(repr, facts))


def check_update(document: Document, text: bytes) -> bool:
    """Update, and compare with a parse from nothing; `False` if the text does not parse at all."""
    before = (document.text, document.chunks)
    try:
        whole = Document(text)
    except SourceError:
        with pytest.raises(SourceError):
            document.update(text)
        assert (document.text, document.chunks) == before
        return False
    document.update(text)
    assert flat(document) == flat(whole)
    assert sum(chunk.lines for chunk in document.chunks) in (len(document.lines), 0)
    return True


@settings(max_examples=2000 if FULL else 60, deadline=None)
@given(data=st.data())
def test_incremental_facts_equal_those_of_a_full_parse(data):
    lines = data.draw(st.sampled_from(SOURCES)).splitlines(keepends=True)[:250]
    while True:
        try:
            document = Document(b"".join(lines))
            break
        except SourceError:
            lines.pop()
    for _ in range(6):
        edited = document.text.splitlines(keepends=True)
        at = data.draw(st.integers(0, len(edited)))
        cut = data.draw(st.integers(0, 5))
        edited[at : at + cut] = data.draw(st.lists(st.sampled_from(SNIPPETS), max_size=4))
        if data.draw(st.booleans()):  # a second edit far away
            other = data.draw(st.integers(0, len(edited)))
            edited[other:other] = [data.draw(st.sampled_from(SNIPPETS))]
        check_update(document, b"".join(edited))


def test_an_edit_parses_only_what_it_touched():
    functions = [f"def f{number}(a):\n    b = a + {number}\n    return b\n\n\n" for number in range(50)]
    document = Document("".join(functions).encode())
    functions[7] = functions[7].replace("return b", "return b * 2")
    functions[30] = functions[30].replace("return b", "return b * 3")
    document.update("".join(functions).encode())
    assert not document.parsed_whole
    assert document.fresh == {7, 30}


def test_lines_added_to_the_end_of_a_function_belong_to_it():
    document = Document(b"def f():\n    a = 1\n\n\ndef g():\n    pass\n")
    assert check_update(document, b"def f():\n    a = 1\n    return a\n\n\ndef g():\n    pass\n")
    assert not document.parsed_whole


def test_a_class_that_changes_its_name_takes_its_methods_along():
    body = "".join(f"    def m{number}(self):\n        return {number}\n\n" for number in range(20))
    document = Document(f"class A:\n{body}".encode())
    assert check_update(document, f"class B(A):\n{body}".encode())
    assert {facts.owner for chunk in document.chunks for facts in chunk.core.functions} == {"B"}


@pytest.mark.parametrize(
    "text",
    [
        "-" * 20000 + "1", "- " * 20000 + "1", "not " * 20000 + "1", "lambda:" * 20000 + "1", "(" * 20000,
        "[" * 3000 + "]" * 3000, "a" + ".b" * 20000, "1" + "+1" * 20000, "f" + "()" * 20000, "x=" * 20000 + "1",
        "if a: pass\n" + "elif a: pass\n" * 3000, "a\0b", "\ufeffx = 1\n", "\r\r\r", "", "\f\f", "x = '\ud800'",
    ],
)  # fmt: skip
def test_hostile_text_is_read_or_refused(text):
    with contextlib.suppress(SourceError):
        document = Document(to_utf8(text))
        document.update(to_utf8(text + "\ny = 2\n"))
        assert document.text.endswith(b"y = 2\n")


def test_latin_1_needs_a_declaration():
    assert "é" in to_utf8("# -*- coding: latin-1 -*-\nx = 'é'\n".encode("latin-1")).decode()
    with pytest.raises(SourceError, match="not UTF-8") as caught:
        to_utf8("x = 1\ny = 'é'\n".encode("latin-1"))
    assert caught.value.line == 2


def test_syntax_of_a_newer_python_is_no_error():
    with pytest.raises(NewerSyntaxError):
        parse_whole(b"try:\n    pass\nexcept A, B:\n    pass\nx = t'{a}'\n")
    with pytest.raises(SourceError) as caught:
        parse_whole(b"type X = \ndef f(:\n")
    assert not isinstance(caught.value, NewerSyntaxError)
