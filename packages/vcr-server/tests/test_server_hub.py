"""Mailboxes, login codes, the command line's own checks, and the files that are shipped."""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import vcr_core.testing as core_testing
import vcr_server
from vcr_core.cli import main as vcr
from vcr_server.access import CODE_SECONDS, Access
from vcr_server.agents import parse_agents
from vcr_server.cli import check_address, host_headers, main
from vcr_server.errors import ServerSetupError
from vcr_server.hub import GAP, Hub, Mailbox

PACKAGE = Path(vcr_server.__file__).parent
DASHBOARD = PACKAGE / "dashboard"
needs_sources = pytest.mark.skipif(not DASHBOARD.is_dir(), reason="the dashboard's sources are not in the wheel")


def test_a_full_mailbox_gives_one_gap_and_then_goes_on() -> None:
    async def check() -> None:
        mailbox = Mailbox(limit=3)
        for number in range(10):
            mailbox.put(str(number))
        assert await mailbox.take() == [GAP]
        mailbox.put("later")
        assert await mailbox.take() == ["later"]
        assert mailbox.lost == 10

    asyncio.run(check())


def test_a_mailbox_is_bounded_in_bytes() -> None:
    async def check() -> None:
        mailbox = Mailbox(max_bytes=100)
        for _ in range(3):
            mailbox.put("x" * 40)
        assert await mailbox.take() == [GAP]

    asyncio.run(check())


def test_frames_go_to_followers_and_sessions_to_all() -> None:
    async def check() -> None:
        hub, one, two = Hub(), Mailbox(), Mailbox()
        hub.join(one)
        hub.join(two)
        one.sessions.add("a")
        hub.tell_subscribers("a", {"n": 1})
        hub.tell_all({"n": 2})
        assert await one.take() == ['{"n":1}', '{"n":2}']
        assert await two.take() == ['{"n":2}']
        hub.close()
        assert await two.take() == []

    asyncio.run(check())


def test_a_login_code_works_once_and_not_for_ever() -> None:
    now = [0.0]
    access = Access(80, clock=lambda: now[0])
    code = access.new_code()
    assert access.use_code(code)
    assert not access.use_code(code)
    late = access.new_code()
    now[0] = CODE_SECONDS + 1
    assert not access.use_code(late)
    assert not access.use_code("")


def test_the_cookie_of_another_port_does_not_let_in() -> None:
    here, there = Access(1), Access(2)
    cookie = here.cookie_header().partition(";")[0].encode()
    assert here.admits(None, cookie)
    assert not there.admits(None, cookie)
    assert not here.admits(b"Bearer wrong", cookie)


def test_agents_are_named_on_the_command_line() -> None:
    assert parse_agents(["tea=kitchen.tea:run"]) == {"tea": "kitchen.tea:run"}
    for wrong in ("tea", "tea=kitchen", "te a=k:r", "tea=os:system;x"):
        with pytest.raises(ServerSetupError, match="module:function"):
            parse_agents([wrong])
    with pytest.raises(ServerSetupError, match="already"):
        parse_agents(["a=b:c", "a=d:e"])


def test_other_machines_need_a_chosen_token() -> None:
    check_address("127.0.0.1", "")
    with pytest.raises(ServerSetupError, match="other machines"):
        check_address("0.0.0.0", "")
    check_address("0.0.0.0", "long-enough-for-a-token")
    with pytest.raises(ServerSetupError, match="16"):
        check_address("0.0.0.0", "short")


def test_a_start_that_cannot_be_is_one_paragraph(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "file"
    file.touch()
    assert main([str(file)]) == 1
    error = capsys.readouterr().err
    assert error.startswith("vcr-server: ")
    assert "Traceback" not in error


def test_the_directory_is_that_of_the_vcr_command_where_none_is_given(tmp_path, monkeypatch, capsys):
    (tmp_path / "file").touch()
    monkeypatch.setenv("VCR_DIR", str(tmp_path / "file"))
    assert main([]) == 1
    assert f"{tmp_path / 'file'} is not a directory" in capsys.readouterr().err
    monkeypatch.delenv("VCR_DIR")
    assert vcr(["--dir", str(tmp_path / "file"), "serve"]) == 1
    assert f"{tmp_path / 'file'} is not a directory" in capsys.readouterr().err


def test_help_tells_all() -> None:
    text = subprocess.run(
        [sys.executable, "-m", "vcr_server", "--help"], capture_output=True, text=True, check=True, timeout=60
    ).stdout
    for word in ("--agent", "--host", "--port", "VCR_SERVER_TOKEN", "exit status"):
        assert word in text


def test_the_static_files_are_small_and_ask_for_nothing_outside() -> None:
    files = [path for path in (PACKAGE / "static").rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) <= 120_000
    for path in files:
        text = path.read_text("utf-8").replace("http://www.w3.org/", "").replace("http://127.0.0.1:8765", "")
        assert not re.search(r"https?://", text), path


@needs_sources
def test_the_bundle_was_made_from_these_sources() -> None:
    digest = hashlib.sha256()
    for path in sorted([*DASHBOARD.rglob("*.js"), DASHBOARD / "style.css"]):
        digest.update(path.relative_to(DASHBOARD).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    first = (PACKAGE / "static" / "dashboard.js").read_text("utf-8").partition("\n")[0]
    assert digest.hexdigest() in first, "run `python build.py` in the dashboard's folder"


@needs_sources
def test_vendored_code_is_what_its_record_says() -> None:
    readme = (DASHBOARD / "vendor" / "README.md").read_text("utf-8")
    content = (DASHBOARD / "vendor" / "preact.js").read_bytes()
    assert hashlib.sha256(content).hexdigest() in readme
    for name in ("preact", "htm", "@preact/signals", "@preact/signals-core"):
        assert f"=== {name} ===" in (PACKAGE / "vendored-licenses.txt").read_text("utf-8")


NODE_SCRIPT = """
const [fixtures, folder] = process.argv.slice(1);
const { diff } = await import(`${folder}/diff.js`);
const { stringHunks } = await import(`${folder}/text_hunks.js`);
const { parseJson } = await import(`${folder}/format.js`);
const known = parseJson((await import('node:fs')).readFileSync(fixtures, 'utf8'));
const plain = (v) => JSON.stringify(v, (_, x) => typeof x === 'bigint' ? `${x}n` : Object.is(x, -0) ? '-0'
  : x && typeof x === 'object' && !Array.isArray(x) ? Object.fromEntries(Object.entries(x).sort()) : x);
const wrong = [];
for (const c of known.cases) if (!c.needs && plain(diff(c.a, c.b)) !== plain(c.ops)) wrong.push(c.name);
for (const c of known.strings) if (plain(stringHunks(c.a, c.b)) !== plain(c.hunks)) wrong.push(c.name);
console.log(JSON.stringify({ cases: known.cases.length + known.strings.length, wrong }));
"""


@needs_sources
@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed; the browser tests cover this")
def test_the_diff_passes_the_fixtures_of_core() -> None:
    fixtures = Path(next(iter(core_testing.__path__))) / "diff_fixtures.json"
    command = ["node", "--input-type=module", "-e", NODE_SCRIPT, str(fixtures), str(DASHBOARD)]
    answer = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    found = json.loads(answer.stdout)
    assert found["cases"] > 100
    assert found["wrong"] == []


def test_the_port_of_http_may_be_left_out_of_the_host_header() -> None:
    assert {"127.0.0.1", "localhost", "[::1]", "127.0.0.1:80"} <= set(host_headers("127.0.0.1", 80))
    assert "127.0.0.1" not in host_headers("127.0.0.1", 8765)
    assert {"192.0.2.1", "192.0.2.1:80"} <= set(host_headers("192.0.2.1", 80))
