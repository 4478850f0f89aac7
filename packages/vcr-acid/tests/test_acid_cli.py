"""`vcr run` and its family, as a person uses them: real processes, real files."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from vcr_acid.testing.judge import Judge

Vcr = Callable[..., "subprocess.CompletedProcess[str]"]
LIFE = "sed -i s/one/ONE/ a.txt; rm src/b.py; mv c.txt moved.txt; echo new > 'new file.txt'; mkdir -p deep/er"


@pytest.fixture
def vcr(
    repository: Judge, run_vcr: Vcr, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Vcr]:
    """Runs `vcr …` in the repository."""
    runtime = tmp_path_factory.mktemp("run")
    short = Path(f"/tmp/vcr-test-{os.getpid()}")
    short.symlink_to(runtime)
    runtime.chmod(0o700)
    (repository.top / "c.txt").write_text("moved\n")
    repository("add", "-A")
    repository("commit", "-qm", "c")
    monkeypatch.setenv("VCR_ACID_RUNTIME", f"{short}/")
    monkeypatch.delenv("VCR_RUN_WORKSPACES", raising=False)

    def call(
        *words: str, cwd: Path | None = None, stdin: str = "", **environment: str
    ) -> subprocess.CompletedProcess[str]:
        return run_vcr(*words, cwd=cwd or repository.top, stdin=stdin, **environment)

    yield call
    short.unlink()


def files(top: Path) -> dict[str, bytes | None]:
    return {
        str(path.relative_to(top)): path.read_bytes() if path.is_file() else None
        for path in sorted(top.rglob("*"))
        if ".git" not in path.relative_to(top).parts
    }


def wait_until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not true():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.05)


def test_undo_takes_back_what_a_shell_did(vcr: Vcr, repository: Judge) -> None:
    before, index = files(repository.top), (repository.top / ".git" / "index").read_bytes()
    done = vcr("run", "--", "bash", "-c", f"{LIFE}; echo out; echo err >&2; exit 3")
    assert (done.returncode, done.stdout) == (3, "out\n")
    assert "err\n" in done.stderr
    assert "c.txt → moved.txt" in done.stderr
    assert "kept open" in done.stderr
    after = files(repository.top)
    assert after != before
    undone = vcr("undo")
    assert (undone.returncode, undone.stderr) == (0, "")
    assert files(repository.top) == before
    assert (repository.top / ".git" / "index").read_bytes() == index
    assert vcr("redo").returncode == 0
    assert files(repository.top) == after
    assert vcr("abort", "--yes").returncode == 0
    assert files(repository.top) == before
    repository.fsck()


def test_savepoints_come_by_themselves_and_when_asked_for(vcr: Vcr, repository: Judge) -> None:
    program = f"echo 1 > a.txt; sleep 2; {sys.executable} -m vcr_core.cli savepoint -m half >&2; echo 2 > a.txt"
    done = vcr("run", "--", "bash", "-c", program)
    assert "saved frame 2 (half)" in done.stderr
    log = json.loads(vcr("log", "--json").stdout)
    reasons = [one["node_name"] or one["reason"] for one in log["savepoints"]]
    assert reasons == ["begin", "quiet after changes", "half", "end of bash"]
    assert vcr("undo").returncode == 0
    assert (repository.top / "a.txt").read_text() == "1\n"
    assert vcr("restore", "0", "a.txt").returncode == 0
    assert (repository.top / "a.txt").read_text() == "one\n"
    assert vcr("restore", "-1").returncode == 0
    assert vcr("undo", "--all").returncode == 0
    assert (repository.top / "a.txt").read_text() == "one\n"
    too_far = vcr("undo", "5")
    assert too_far.returncode == 1
    assert "Nothing was changed" in too_far.stderr
    assert vcr("restore", "99").returncode == 1
    assert "outside the workspace" in vcr("restore", "0", "../x").stderr


@pytest.mark.parametrize("ending", ["commit", "rollback"])
def test_the_end_can_be_chosen_before(vcr: Vcr, repository: Judge, ending: str) -> None:
    before, head = files(repository.top), repository("rev-parse", "HEAD")
    done = vcr("run", "--on-exit", ending, "--", "bash", "-c", LIFE)
    assert done.returncode == 0, done.stderr
    if ending == "commit":
        assert repository("rev-parse", "HEAD~1") == head
        assert repository("status", "--porcelain") == ""
    else:
        assert files(repository.top) == before
        assert repository("rev-parse", "HEAD") == head
    assert "no session is open" in vcr("status").stderr


def test_a_worktree_leaves_this_directory_alone_until_commit(vcr: Vcr, repository: Judge) -> None:
    before = files(repository.top)
    done = vcr("run", "--worktree", "--name", "fix", "--", "bash", "-c", LIFE, cwd=repository.top / "src")
    assert done.returncode == 0, done.stderr
    assert files(repository.top) == before
    assert vcr("status", "--json").returncode == 0
    committed = vcr("commit", "-m", "the fix")
    assert committed.returncode == 0, committed.stderr
    assert repository("log", "-1", "--format=%s") == "the fix"


def test_a_conflict_changes_nothing_and_can_be_resolved(vcr: Vcr, repository: Judge) -> None:
    vcr("run", "--worktree", "--", "bash", "-c", "echo theirs > a.txt")
    (repository.top / "a.txt").write_text("mine\n")
    repository("commit", "-qam", "mine")
    conflict = vcr("commit")
    assert conflict.returncode == 1
    assert "vcr commit --resolve" in conflict.stdout
    assert (repository.top / "a.txt").read_text() == "mine\n"
    workspace = Path(json.loads(vcr("status", "--json").stdout)["workspace"])
    (workspace / "a.txt").write_text("both\n")
    resolved = vcr("commit", "--resolve", "a.txt", cwd=workspace)
    assert resolved.returncode == 0, resolved.stderr
    assert (repository.top / "a.txt").read_text() == "both\n"


def test_what_cannot_be_run_begins_nothing(vcr: Vcr, repository: Judge) -> None:
    missing = vcr("run", "--", "no-such-program-here")
    assert (missing.returncode, "no such command" in missing.stderr) == (127, True)
    assert vcr("run", "--", "./a.txt").returncode == 126
    assert vcr("run", "--").returncode == 2
    broken = repository.top / "broken"
    broken.write_text("no program")
    broken.chmod(0o755)
    assert vcr("run", "--", "./broken").returncode in (126, 127)
    assert "no session is open" in vcr("log").stderr
    assert vcr("undo").returncode == 1


def test_a_run_inside_a_run_is_refused(vcr: Vcr) -> None:
    inner = f"{sys.executable} -m vcr_core.cli run -- touch inner"
    done = vcr("run", "--", "bash", "-c", inner)
    assert (done.returncode, "inside `vcr run`" in done.stderr) == (125, True)
    assert "no file changed" in done.stderr


def test_a_second_run_is_refused_until_the_first_is_finished(vcr: Vcr, repository: Judge) -> None:
    vcr("run", "--", "bash", "-c", "echo 1 > a.txt")
    again = vcr("run", "--", "true")
    assert (again.returncode, "still open" in again.stderr) == (125, True)
    assert vcr("run", "--continue", "--", "bash", "-c", "echo 2 > a.txt").returncode == 0
    assert vcr("undo").returncode == 0
    assert (repository.top / "a.txt").read_text() == "1\n"


def start(vcr: Vcr, repository: Judge, program: str) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-m", "vcr_core.cli", "run", "--", "bash", "-c", program],
        cwd=repository.top,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # Tests started in the background ignore it, all they start does, and a shell cannot trap what it ignores.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    wait_until((repository.top / "started").exists)
    return process


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_signals_reach_the_program_and_its_work_is_saved(
    vcr: Vcr, repository: Judge, number: signal.Signals, status: int
) -> None:
    program = f"trap 'exit {status}' INT TERM; touch started; echo x > a.txt; while :; do sleep 0.1; done"
    process = start(vcr, repository, program)
    process.send_signal(number)
    _, said = process.communicate(timeout=30)
    assert process.returncode == status, said
    assert vcr("undo", "--all").returncode == 0
    assert (repository.top / "a.txt").read_text() == "one\n"


def test_other_terminals_reach_a_running_session(vcr: Vcr, repository: Judge) -> None:
    process = start(vcr, repository, "touch started; while [ ! -e stop ]; do sleep 0.1; done")
    (repository.top / "a.txt").write_text("changed\n")
    try:
        assert vcr("savepoint", "-m", "mine").returncode == 0
        assert "still runs" in vcr("commit").stderr
        assert vcr("undo").returncode == 0
        assert (repository.top / "a.txt").read_text() == "one\n"
    finally:
        (repository.top / "stop").touch()
        process.communicate(timeout=30)
    assert process.returncode == 0


def test_after_a_kill_recover_and_undo_work(vcr: Vcr, repository: Judge) -> None:
    process = start(vcr, repository, "touch started; echo $$; echo x > a.txt; exec sleep 30")
    assert process.stdout is not None
    child = int(process.stdout.readline())
    assert vcr("savepoint").returncode == 0
    process.kill()
    process.communicate(timeout=30) if process.stdout is None else process.wait(30)
    os.kill(child, signal.SIGKILL)
    process.stdout.close()
    assert process.stderr is not None
    process.stderr.close()
    assert vcr("recover").returncode == 0
    assert vcr("undo", "--all").returncode == 0
    assert (repository.top / "a.txt").read_text() == "one\n"


def test_a_plain_directory_works_too(vcr: Vcr, tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    (plain / "sub").mkdir(parents=True)
    (plain / "a").write_text("1")
    assert vcr("run", "--", "rm", "a", cwd=plain).returncode == 0
    assert vcr("undo", cwd=plain / "sub").returncode == 0
    assert (plain / "a").read_text() == "1"
    assert vcr("abort", "-y", cwd=plain).returncode == 0
    sizes = vcr("gc", "--keep", "0", cwd=plain)
    assert "forgot rm-" in sizes.stdout


@pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed")
def test_in_a_terminal_it_asks_and_ctrl_c_reaches_the_program_once(vcr: Vcr, repository: Judge, tmp_path: Path) -> None:
    tmux = ["tmux", "-S", str(tmp_path / "tmux")]
    count = tmp_path / "count"
    program = tmp_path / "program.sh"
    program.write_text(
        f"trap 'echo int >> {count}' INT\necho x > a.txt\ntouch {tmp_path}/up\n"
        f"while [ ! -e {count} ]; do sleep 0.1; done; sleep 0.5\n"
    )
    command = f"cd {repository.top} && {sys.executable} -m vcr_core.cli run -- bash {program}; echo status=$?; sleep 60"

    def screen() -> str:
        return subprocess.run([*tmux, "capture-pane", "-p"], capture_output=True, text=True, check=True).stdout

    subprocess.run([*tmux, "-f", "/dev/null", "new-session", "-d", "-x", "150", "-y", "40", command], check=True)
    try:
        wait_until((tmp_path / "up").exists)
        subprocess.run([*tmux, "send-keys", "C-c"], check=True)
        wait_until(lambda: "[k]eep open" in screen())
        subprocess.run([*tmux, "send-keys", "d", "Enter"], check=True)
        wait_until(lambda: "-one" in screen() and "+x" in screen())
        subprocess.run([*tmux, "send-keys", "r", "Enter"], check=True)
        wait_until(lambda: "rolled back" in screen() and "status=" in screen())
    finally:
        subprocess.run([*tmux, "kill-server"], check=False)
    assert count.read_text() == "int\n"
    assert (repository.top / "a.txt").read_text() == "one\n"


def test_color_is_for_terminals_and_help_for_everyone(vcr: Vcr) -> None:
    plain = vcr("run", "--", "touch", "x")
    assert "\x1b" not in plain.stderr + vcr("log").stdout
    assert "\x1b" in vcr("log", CLICOLOR_FORCE="1").stdout
    assert "\x1b" not in vcr("log", CLICOLOR_FORCE="1", NO_COLOR="1").stdout
    for name in ("run", "undo", "redo", "log", "status", "savepoint", "restore", "commit", "abort", "gc", "init"):
        assert vcr(name, "--help").returncode == 0


def test_a_resolution_on_the_command_line_reads_nothing_outside(vcr: Vcr, repository: Judge, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("TOPSECRET\n")
    link = repository.top / "link"
    link.symlink_to("f1")
    repository("add", "-A")
    repository("commit", "-qm", "link")
    vcr("run", "--worktree", "--", "ln", "-sfn", str(tmp_path / "secret"), "link")
    link.unlink()
    link.symlink_to("f2")
    repository("commit", "-qam", "mine")
    workspace = Path(json.loads(vcr("status", "--json").stdout)["workspace"])
    assert vcr("commit", "--resolve", ".", cwd=workspace).returncode == 2
    assert vcr("commit", "--resolve", "link", cwd=workspace).returncode == 0
    assert repository("show", "HEAD:link") == str(tmp_path / "secret")
    assert repository("ls-tree", "HEAD", "link").startswith("120000")
