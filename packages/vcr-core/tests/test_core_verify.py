"""Every flip, deletion, exchange and truncation is found, and the first bad line named."""

from __future__ import annotations

import contextlib
import random

import pytest

from vcr_core import VcrError, VCRPlayer, VCRRecorder
from vcr_core.testing.scale import scaled
from vcr_core.verify import verify_file
from vcr_core.wire_format import FormatError, seal, unseal


def make(folder, *, key=b"", frames=40):
    recorder = VCRRecorder(folder, integrity_key=key)
    with recorder:
        recorder.start_session("run", metadata={"why": "test"})
        state = {"messages": [], "image": "i" * 20_000}
        for n in range(frames):
            before = {**state, "messages": list(state["messages"])}
            state["messages"].append({"n": n, "text": f"message {n} " * (n % 9)})
            recorder.record_step("a", before, state, {"n": n})
    return recorder.store.path("run")


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    return make(tmp_path_factory.mktemp("sound"))


def line_of(content, place):
    return content.count(b"\n", 0, place) + 1


def flip(rng, content):
    place = rng.randrange(len(content))
    byte = content[place] ^ (1 << rng.randrange(8))
    # A flip that makes or unmakes a line end moves the damage to where the lines part.
    return content[:place] + bytes([byte]) + content[place + 1 :], line_of(content, place)


def delete(rng, content):
    place = rng.randrange(len(content))
    length = min(rng.choice([1, 2, 7, 100]), len(content) - place)
    return content[:place] + content[place + length :], line_of(content, place)


def delete_line(rng, content):
    lines = content.splitlines(keepends=True)
    number = rng.randrange(len(lines) - 1)
    return b"".join(lines[:number] + lines[number + 1 :]), number + 1


def swap_lines(rng, content):
    lines = content.splitlines(keepends=True)
    first, second = sorted(rng.sample(range(len(lines)), 2))
    lines[first], lines[second] = lines[second], lines[first]
    return b"".join(lines), first + 1


def repeat_line(rng, content):
    lines = content.splitlines(keepends=True)
    number = rng.randrange(len(lines))
    return b"".join([*lines[: number + 1], *lines[number:]]), number + 2


def truncate(rng, content):
    place = rng.randrange(1, len(content))
    ends_a_line = content[place - 1 : place] == b"\n"
    return content[:place], line_of(content, place) - ends_a_line


def insert(rng, content):
    place = rng.randrange(len(content))
    added = rng.choice([b" ", b"\n", b"x", b"{}\n", b"\x00"])
    is_empty_line = added == b"\n" == content[place : place + 1]  # the line before it is whole
    return content[:place] + added + content[place:], line_of(content, place) + is_empty_line


DAMAGES = [flip, flip, flip, delete, delete_line, swap_lines, repeat_line, truncate, insert]


def read_all(path):
    """Read whatever can be read; a damaged frame is an error of ours, never another."""
    player = VCRPlayer.load(path)
    for index, row in enumerate(player.rows):
        assert row.kind
        with contextlib.suppress(VcrError):
            player.goto_frame(index)
    player.close()


@pytest.mark.parametrize("part", range(10))
def test_damage_is_found_and_the_first_bad_line_named(tmp_path, sound, part):
    content = sound.read_bytes()
    path = sound.parent / f"damaged-{part}.vcr"
    rng = random.Random(part)
    for _ in range(scaled(100, 30)):
        damage = rng.choice(DAMAGES)
        damaged, line = damage(rng, content)
        if damaged == content:
            continue
        path.write_bytes(damaged)
        report = verify_file(path)
        assert not report.ok, damage.__name__
        assert report.problems[0].line == line, (damage.__name__, line, report.problems[:2])
        with contextlib.suppress(FormatError):  # a damaged first line
            read_all(path)


def test_a_sound_file_is_found_sound(sound):
    report = verify_file(sound)
    assert (report.ok, report.frames, report.lines, report.problems) == (True, 40, 42, [])


def test_a_damaged_blob_is_named_with_the_first_line_that_needs_it(tmp_path):
    path = make(tmp_path)
    blob = next(one for one in (tmp_path / "blobs").rglob("*") if one.is_file())
    content = blob.read_bytes()
    blob.write_bytes(content[:-1] + b"?")
    report = verify_file(path)
    assert (report.problems[0].line, report.problems[0].kind) == (2, "blob")
    blob.unlink()
    assert verify_file(path).problems[0].kind == "blob"


def test_a_running_session_verifies_but_for_its_end(tmp_path):
    recorder = VCRRecorder(tmp_path, auto_save=False)
    recorder.start_session("run")
    recorder.record_step("a", {}, {})
    player = VCRPlayer.load(recorder.path)
    assert [problem.kind for problem in player.verify().problems] == ["unfinished"]
    assert player.verify(finished=False).ok
    recorder.close()


def test_a_keyed_chain_needs_its_key(tmp_path):
    path = make(tmp_path, key=b"secret of the project")
    assert verify_file(path, key=b"secret of the project").ok
    assert not verify_file(path).ok
    assert not verify_file(path, key=b"another").ok
    forged = forge(path.read_bytes())
    path.write_bytes(forged)
    assert verify_file(path, key=b"").problems == []
    report = verify_file(path, key=b"secret of the project")
    assert report.problems[0].line == 1


def forge(content):
    """Change a frame and seal all lines again, as somebody could who has no key."""
    previous, lines = "", []
    for line in content.replace(b'"why":"test"', b'"why":"lies"').splitlines():
        sealed, previous = seal(unseal(line)[0], previous)
        lines.append(sealed)
    return b"".join(lines)


def test_an_edited_frame_is_readable_around_and_named(tmp_path):
    path = make(tmp_path)
    lines = path.read_bytes().splitlines(keepends=True)
    lines[5] = b"garbage\n"
    path.write_bytes(b"".join(lines))
    player = VCRPlayer.load(path)
    assert len(player.frames) == 40, "the damaged line keeps its place, so no index moves"
    assert player.rows[4].node_name == "<damaged>"
    assert player.rows[5].index == 5
    assert player.goto_frame(3)["messages"][3]["n"] == 3
    with pytest.raises(Exception, match="line 6: frame 4 is damaged"):
        player.goto_frame(4)
    assert player.damage == ["line 6 is not a line of a recording"]
    assert verify_file(path).problems[0].line == 6
