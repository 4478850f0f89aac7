"""The pure parts: tape, viewport, columns, cells, chrome, the tree of forks."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vcr_core.frames import STATUSES, FrameRow, SessionInfo, Totals
from vcr_core.store import SessionSummary
from vcr_tui import chrome
from vcr_tui.cells import columns, cut, duration, encodable, fit, printable, wrap
from vcr_tui.fork_tree import PickerLines, fork_tree
from vcr_tui.frame_list import frame_line, list_columns
from vcr_tui.glyphs import ASCII, UNICODE, glyphs_for
from vcr_tui.palette import COLOURS, MONOCHROME, make_style, wants_colour
from vcr_tui.row_columns import RowColumns
from vcr_tui.tape import Tape, column_of, level_of, stretch
from vcr_tui.viewport import Viewport

TEXTS = st.text(max_size=60)


def plain(fragments):
    return "".join(text for _, text in fragments)


# -- cells -------------------------------------------------------------------------------------------------------------


@given(TEXTS, st.integers(1, 40))
def test_fitting_gives_exactly_the_columns(text, width):
    assert columns(fit(printable(text), width)) in (width, width - 1) or columns(printable(text)) == 0
    assert columns(cut(printable(text), width)) <= width


@given(TEXTS)
def test_printable_text_cannot_steer_the_terminal(text):
    shown = printable(text)
    assert not any(
        ord(character) < 32 or 0x7F <= ord(character) < 0xA0 or 0x202A <= ord(character) <= 0x202E
        for character in shown
    )


@given(st.text(max_size=300), st.integers(8, 60))
def test_wrapped_lines_fit(text, width):
    assert all(columns(line) <= width for line in wrap(text, width, limit=50))


@pytest.mark.parametrize(
    ("ms", "text"),
    [
        (0, "0ms"),
        (0.4, "<1ms"),
        (184, "184ms"),
        (999.7, "1.0s"),
        (1300, "1.3s"),
        (59_960, "1.0m"),
        (744_000, "12.4m"),
        (1.2e7, "3.3h"),
    ],
)
def test_durations_are_short(ms, text):
    assert duration(ms) == text


# -- tape --------------------------------------------------------------------------------------------------------------


@given(st.integers(1, 5_000), st.integers(1, 300))
def test_every_frame_has_one_column_that_shows_it(frames, width):
    for frame in {0, frames // 3, frames // 2, frames - 1}:
        begin, end = stretch(column_of(frame, frames=frames, width=width), frames=frames, width=width)
        assert begin <= frame < end


@given(st.lists(st.floats(0, 1e7), min_size=2, max_size=9))
def test_longer_steps_are_never_lower(values):
    levels = [level_of(value) for value in sorted(values)]
    assert levels == sorted(levels)
    assert set(levels) <= set(range(1, 9))


def table_of(rows):
    table = RowColumns()
    for row in rows:
        table.add(row)
    return table


def test_an_error_is_marked_where_errors_are_rare():
    rows = [FrameRow(at, "n", status="error" if at == 50 else "ok") for at in range(1_000)]
    cells = Tape(table_of(rows)).cells(frames=1_000, width=100)
    assert [at for at, cell in enumerate(cells) if cell.marked] == [5]


def test_only_bursts_are_marked_where_every_column_has_an_error():
    failing = set(range(0, 1_000, 10)) | {301, 302, 303}
    rows = [FrameRow(at, "n", status="error" if at in failing else "ok") for at in range(1_000)]
    cells = Tape(table_of(rows)).cells(frames=1_000, width=100)
    assert all(cell.failed for cell in cells)
    assert [at for at, cell in enumerate(cells) if cell.marked] == [30]


def test_frames_that_were_not_read_yet_are_dots():
    cells = Tape(table_of([FrameRow(0, "n", latency_ms=5)])).cells(frames=4, width=10)
    assert plain(chrome.tape_line(cells, UNICODE, cursor=0, frames=4, width=10)) == "▂···"


# -- viewport ----------------------------------------------------------------------------------------------------------


@given(st.lists(st.integers(0, 999), min_size=1, max_size=20), st.integers(1, 50), st.integers(1, 1000))
def test_the_cursor_is_always_in_the_window(cursors, height, total):
    view = Viewport()
    for cursor in cursors:
        cursor = min(cursor, total - 1)
        shown = view.place(cursor=cursor, total=total, height=height)
        assert cursor in shown
        assert len(shown) == min(total, height)
        thumb = view.thumb()
        assert (thumb is None) == (total <= height)
        assert thumb is None or (0 <= thumb.start < thumb.stop <= height)


# -- list and chrome ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [20, 24, 33, 51])
@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("glyphs", [UNICODE, ASCII], ids=["unicode", "ascii"])
def test_every_status_has_its_own_shape_at_every_width(width, status, glyphs):
    row = FrameRow(123, "call_llm", "llm", status, latency_ms=184)
    text = plain(frame_line(row, list_columns(width, frames=10_000), glyphs, flag=("", " "), here=False))
    assert columns(text) <= width
    assert glyphs.status[status] in text
    others = {shape for name, shape in glyphs.status.items() if name != status}
    assert not any(text.rstrip().endswith(shape) for shape in others)


def test_status_shapes_differ_from_each_other():
    for glyphs in (UNICODE, ASCII):
        assert len(set(glyphs.status.values())) == len(STATUSES)


@given(st.integers(20, 200), st.text(min_size=1, max_size=40), st.integers(0, 10**7))
def test_the_header_fits_whatever_the_name_is(width, name, frames):
    info = SessionInfo("s", parent_session_id="some-parent-session", forked_from_frame=6)
    badges = [("class:badge", " LIVE ")]
    parts = chrome.header(info, name, frames, RowColumns(), UNICODE, badges=badges, width=width)
    assert columns(plain(parts)) <= max(width, 30)
    assert " LIVE " in plain(parts)


@pytest.mark.parametrize("width", [25, 36, 60, 100])
def test_the_tabs_fit(width):
    parts = chrome.tabs("diff", operations=1234, pinned="another_run#12", focused=True, width=width)
    assert columns(plain(parts)) <= width
    assert "3" in plain(parts)


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
@given(text=st.text(st.characters(exclude_categories=("Cs",))).map(printable))
def test_what_a_terminal_cannot_show_takes_the_same_columns(encoding, text):
    shown = encodable(text, encoding)
    assert shown.encode(encoding).decode(encoding) == shown
    assert columns(shown) == columns(text)


def test_what_a_terminal_can_show_stays_as_it_is():
    assert encodable("né? 日本…", "ascii") == "n?? ?????"
    assert encodable("né? 日本…", "latin-1") == "né? ?????"
    assert encodable("né? 日本…", "utf-8") == "né? 日本…"


def test_glyphs_follow_the_encoding():
    assert glyphs_for("utf-8") is UNICODE
    assert glyphs_for("UTF8") is UNICODE
    assert glyphs_for("ascii") is ASCII
    assert glyphs_for(None) is ASCII


# -- colours -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("environment", "colour"),
    [
        ({}, True),
        ({"NO_COLOR": "1"}, False),
        ({"NO_COLOR": ""}, True),
        ({"TERM": "dumb"}, False),
        ({"TERM": "vt220"}, False),
    ],
)
def test_colour_follows_the_environment(environment, colour):
    assert wants_colour(environment) is colour


def test_monochrome_uses_no_colour_and_every_style_parses():
    make_style(colour=True)
    make_style(colour=False)
    assert not any("#" in style for style in MONOCHROME.values())
    assert set(MONOCHROME) <= set(COLOURS)


def test_added_is_blue_removed_is_orange_and_the_selection_is_not_amber():
    def rgb(name):
        code = COLOURS[name].split("#")[1][:6]
        return [int(code[at : at + 2], 16) for at in (0, 2, 4)]

    red, _, blue = rgb("add")
    assert blue > red
    red, green, blue = rgb("del")
    assert red > green > blue
    red, _, blue = rgb("cursor")
    assert blue > red


# -- forks -------------------------------------------------------------------------------------------------------------


def session(name, *, parent=None, at=None, created="2026-01-01T00:00:00", end=None, problem=None):
    from pathlib import Path

    info = SessionInfo(name, "2.0", created, parent_session_id=parent, forked_from_frame=at)
    return SessionSummary(name, Path(f"{name}.vcr"), info, end, 1000, 0.0, problem)


def test_forks_stand_below_their_parent_in_the_order_they_were_made():
    sessions = [
        session("fork-b", parent="root", at=5, created="2026-01-03"),
        session("fork-a", parent="root", at=2, created="2026-01-02"),
        session("leaf", parent="fork-a", at=1, created="2026-01-04"),
        session("root"),
        session("orphan", parent="gone"),
    ]
    tree = fork_tree(sessions)
    assert [(branch.session.name, branch.depth) for branch in tree] == [
        ("root", 0),
        ("fork-a", 1),
        ("leaf", 2),
        ("fork-b", 1),
        ("orphan", 0),
    ]


def test_a_circle_of_parents_ends():
    tree = fork_tree([session("a", parent="b"), session("b", parent="a"), session("c", parent="c")])
    assert sorted(branch.session.name for branch in tree) == ["a", "b", "c"]


def test_a_thousand_forks_in_a_row_are_no_problem():
    sessions = [session("s0"), *(session(f"s{at}", parent=f"s{at - 1}") for at in range(1, 1000))]
    assert fork_tree(sessions)[-1].depth == 999


@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_a_session_line_says_how_the_run_ended(width):
    branches = fork_tree(
        [
            session("good", end=Totals(10, 0, 1234.0)),
            session("bad", end=Totals(10, 2, 1234.0, status="error")),
            session("open"),
            session("broken", problem="not a recording"),
        ]
    )
    lines = PickerLines(branches, UNICODE)
    shown = {branch.session.name: plain(lines.line(at, width)) for at, branch in enumerate(branches)}
    assert all(columns(text) <= width for text in shown.values())
    assert "✓ ok" in shown["good"]
    assert "✗ err 2" in shown["bad"]
    assert "open" in shown["open"]
    assert "broken" in shown["broken"]
    if width >= 60:
        assert "not a rec" in shown["broken"]
