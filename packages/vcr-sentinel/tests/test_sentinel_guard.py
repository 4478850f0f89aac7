from __future__ import annotations

import threading
from pathlib import Path

import pytest

from vcr_core import VCRRecorder
from vcr_sentinel import Config, Limits, Sentinel, Severity, load_config
from vcr_sentinel.recording import replay


def codes(findings):
    return [item.code for item in findings]


def test_a_deleted_original_is_never_cited(sentinel, project, hash_password):
    (project / "auth" / "utils.py").unlink()
    sentinel.written("auth/utils.py")
    assert sentinel.check("handlers.py", hash_password) == []


def test_paths_are_normalised(sentinel, project, hash_password):
    assert codes(sentinel.check("./a.py", hash_password)) == ["VS101"]
    assert sentinel.check("a.py", hash_password) == []
    assert sentinel.check(project / "auth" / ".." / "a.py", hash_password) == []
    assert sentinel.check("../outside.py", hash_password) == []
    assert sentinel.check("notes.md", hash_password) == []


def test_a_project_is_guarded_through_a_link_to_it(sentinel, project, hash_password, tmp_path_factory):
    link = tmp_path_factory.mktemp("elsewhere") / "link"
    link.symlink_to(project, target_is_directory=True)
    (project / "handlers.py").write_text(hash_password)
    (finding,) = sentinel.written(link / "handlers.py")
    assert (finding.code, finding.path) == ("VS101", "handlers.py")
    assert codes(sentinel.check(link / "auth" / "more.py", "def f(:\n")) == ["VS001"]


@pytest.mark.parametrize("name", ["a\0b.py", "\ud800.py", "loop.py", "x" * 5000 + ".py"])
def test_a_path_that_cannot_be_read_does_no_harm(sentinel, project, name):
    if name == "loop.py":
        (project / name).symlink_to(name)
    assert sentinel.written(name) == []
    assert sentinel.sweep() == []


def test_a_broken_file_gives_one_finding_and_keeps_its_facts(sentinel, hash_password):
    (finding,) = sentinel.check("auth/utils.py", "def broken(:\n" + hash_password)
    assert (finding.code, finding.line) == ("VS001", 1)
    assert codes(sentinel.check("a.py", hash_password)) == ["VS101"]


def test_moving_and_renaming_within_a_file_is_silent(sentinel, sum_up):
    assert sentinel.check("billing.py", f"x = 1\n\n\n{sum_up.replace('sum_up', 'tally_all')}") == []


def test_two_copies_changed_alike_stay_silent(sentinel, sum_up, project):
    sentinel.check("copy.py", sum_up)
    changed = sum_up.replace("total = 0", "total = 1")
    assert sentinel.check("billing.py", changed) == []
    assert sentinel.check("copy.py", changed) == []


def test_the_index_survives_a_restart_and_sees_what_changed(project, hash_password):
    with Sentinel(root=project, slow_lane="off") as guard:
        guard.check("auth/more.py", "def unrelated():\n    return 1\n")
    (project / "auth" / "utils.py").write_text("x = 1\n")
    (project / "new.py").write_text(f"{hash_password}")
    with Sentinel(root=project, slow_lane="off") as guard:
        (finding,) = guard.check("handlers.py", hash_password)
        assert finding.related == "new.py:1"
    assert (project / ".vcr" / "sentinel" / ".gitignore").read_text() == "*\n"


def test_a_damaged_index_is_built_anew(project, hash_password):
    folder = project / ".vcr" / "sentinel"
    folder.mkdir(parents=True)
    (folder / "index.sqlite").write_bytes(b"no database" * 500)
    with Sentinel(root=project, slow_lane="off") as guard:
        assert codes(guard.check("handlers.py", hash_password)) == ["VS101"]


def test_a_sweep_finds_what_a_shell_wrote(sentinel, project, hash_password):
    assert sentinel.sweep() == []
    (project / "handlers.py").write_text(hash_password)
    assert codes(sentinel.sweep()) == ["VS101"]
    assert sentinel.sweep() == []


def test_a_broken_file_is_told_once_by_sweeps_and_not_read_again_at_the_next_start(project):
    with Sentinel(root=project, slow_lane="off") as guard:
        (project / "billing.py").write_text("def f(:\n")
        (project / "new.py").write_text("def f(:\n")
        assert codes(guard.sweep()) == ["VS001", "VS001"]
        assert guard.sweep() == []
    with Sentinel(root=project, slow_lane="off") as guard:
        assert "new.py" not in guard.project.index.files
        assert guard.project.load() == []
    with Sentinel(root=project, slow_lane="off") as guard:
        assert guard.project.load() == []
        (project / "new.py").write_text("def f():\n    pass\n\n")
        assert guard.sweep() == []
        assert "new.py" in guard.project.index.files


def test_a_stale_caller_is_told_at_the_end_of_the_turn(sentinel, project, hash_password):
    sentinel.check("caller.py", "from auth.utils import hash_password\n\nhash_password('a', b'b')\n")
    assert sentinel.turn_end() == []
    assert sentinel.check("auth/utils.py", hash_password.replace("password, salt", "password, salt, rounds")) == []
    (finding,) = sentinel.turn_end()
    assert (finding.code, finding.path, finding.line) == ("VS303", "caller.py", 3)
    assert finding.severity is Severity.CRITICAL
    assert sentinel.turn_end() == []


def test_a_removed_name_is_told_where_it_is_imported(sentinel):
    sentinel.check("caller.py", "from auth.utils import hash_password\n")
    sentinel.turn_end()
    sentinel.check("auth/utils.py", "def something_else():\n    return 1\n")
    assert [(item.code, item.path) for item in sentinel.turn_end()] == [("VS301", "caller.py")]


def test_a_module_announced_and_written_later_is_forgotten(sentinel):
    assert codes(sentinel.check("a.py", "from auth.crypto import seal\n")) == ["VS302"]
    assert sentinel.check("auth/crypto.py", "def seal():\n    return 1\n") == []
    assert sentinel.turn_end() == []


def test_a_module_that_was_never_written_is_critical_at_the_end(sentinel):
    sentinel.check("a.py", "from auth.crypto import seal\n")
    (finding,) = sentinel.turn_end()
    assert (finding.code, finding.severity) == ("VS302", Severity.CRITICAL)


def test_deleted_tests_and_unused_private_functions_are_told_at_the_end(sentinel):
    sentinel.check("tests/test_x.py", "def test_one():\n    assert f()\n\ndef test_two():\n    assert g()\n")
    sentinel.turn_end()
    sentinel.check("tests/test_x.py", "def test_one():\n    assert f()\n")
    sentinel.check("a.py", "def _left_behind():\n    return 1\n")
    found = sentinel.turn_end()
    assert sorted(codes(found)) == ["VS403", "VS406"]
    assert "test_two()" in next(item.message for item in found if item.code == "VS403")


def test_a_finding_that_stands_is_not_counted_as_corrected(sentinel, hash_password):
    sentinel.check("a.py", hash_password)
    sentinel.check("a.py", f"{hash_password}\nx = 1\n")
    sentinel.turn_end()
    assert (sentinel.reported, sentinel.corrected) == (1, 0)


def test_self_correction_is_counted(sentinel, hash_password):
    sentinel.check("a.py", hash_password)
    sentinel.check("a.py", "from auth.utils import hash_password\n")
    sentinel.turn_end()
    assert (sentinel.reported, sentinel.corrected) == (1, 1)


def test_a_review_that_fails_is_said_and_the_next_one_made(project, sum_up, monkeypatch, capsys):
    near = sum_up.replace("sum_up", "sum_rows").replace("round(total, 2)", "round(total, 3)")
    with Sentinel(root=project, config=Config(ruff=False), persist=False) as guard:
        with monkeypatch.context() as patched:
            patched.setattr("vcr_sentinel.slow_lane.NearMissFinder", lambda *_: 1 / 0)
            guard.check("copy.py", near)
            assert guard.drain(20)
        assert "copy.py was not reviewed (ZeroDivisionError" in capsys.readouterr().err
        guard.check("other.py", near.replace("sum_rows", "sum_cells").replace("total, 3", "total, 4"))
        assert codes(guard.turn_end()) == ["VS103"]


def test_many_threads_may_check_at_once(sentinel, sum_up):
    found = []

    def work(number):
        found.extend(sentinel.check(f"copy{number}.py", sum_up))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert codes(found) == ["VS101"] * 8


def test_every_check_is_a_frame_and_replays_to_the_same_findings(project, hash_password, sum_up):
    recorder = VCRRecorder(str(project / ".vcr"))
    recorder.start_session("audit")
    limits = Limits(lines=5)
    config = Config(ruff=False, limits=limits)
    with Sentinel(root=project, recorder=recorder, config=config, persist=False, slow_lane="inline") as guard:
        guard.check("handlers.py", hash_password)
        guard.check("near.py", sum_up.replace("round(total, 2)", "round(total, 3)").replace("sum_up", "sum_rows"))
        guard.turn_end()
        guard.check("handlers.py", "from auth.utils import hash_password\n# sentinel: allow[VS101] x\n")
        guard.turn_end()
    path = recorder.save()
    recorder.close()
    again = replay(path)
    assert again.frames == 5
    assert again.differing == []


def test_a_session_that_was_tampered_with_differs(project, hash_password):
    recorder = VCRRecorder(str(project / ".vcr"))
    recorder.start_session("audit")
    with Sentinel(root=project, recorder=recorder, persist=False, slow_lane="off") as guard:
        guard.check("handlers.py", hash_password)
    path = recorder.save()
    recorder.close()
    assert replay(path, root=project).differing == []
    (project / "auth" / "utils.py").write_text("")
    assert replay(path, root=project).differing == [1]


def test_settings_are_read_from_pyproject(project):
    (project / "pyproject.toml").write_text('[tool.sentinel]\nignore = ["VS2"]\n[tool.sentinel.limits]\nlines = 3\n')
    with Sentinel(root=project, persist=False, slow_lane="off") as guard:
        assert guard.config.limits.lines == 3
        assert guard.config.ignores("VS201")


def test_another_tool_table_is_no_matter_of_ours(project):
    (project / "pyproject.toml").write_text("tool = 1\n")
    assert load_config(project) == Config()


@pytest.mark.parametrize("text", ["[tool.sentinel]\nx = 1\n", "[tool.sentinel.limits]\nlines = 'a'\n", "[tool"])
def test_wrong_settings_are_explained(project, text):
    (project / "pyproject.toml").write_text(text)
    from vcr_sentinel import ConfigError

    with pytest.raises(ConfigError, match=r"pyproject\.toml"):
        Sentinel(root=project)


def test_the_example_of_the_readme_prints_what_it_shows(project, hash_password, monkeypatch, capsys):
    readme = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
    program = readme.partition("```python\n")[2].partition("```")[0]
    (project / "handlers.py").unlink(missing_ok=True)
    monkeypatch.chdir(project)
    # The file is written after the guard looked at the project, as an agent would.
    writing = f"__import__('pathlib').Path('handlers.py').write_text({hash_password!r})"
    written = program.replace("# … an agent writes handlers.py …", writing)
    exec(compile(written, "README.md", "exec"), {})
    shown = readme.rpartition("```\n\nIt reports")[0].rpartition("```\n")[2]
    assert capsys.readouterr().out == shown.replace(":42", ":1").replace("utils.py:8", "utils.py:4")
