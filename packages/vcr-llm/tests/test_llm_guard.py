"""Hidden live calls in a replay are blocked and named; what a live step does is not."""

from __future__ import annotations

import asyncio
import contextlib
import pickle
import socket
import subprocess
import threading
import urllib.request

import httpx
import pytest

import vcr_llm
from vcr_core import DivergenceError, ResumeConfig, step, tool
from vcr_core.engine import run_again
from vcr_llm import LiveCallError


def ask(url):
    return httpx.post(f"{url}/v1/chat/completions", json={"model": "gpt-4o", "messages": []}).json()


class Hidden:
    """An agent that makes one honest call, and a hidden one in replay only."""

    def __init__(self, url, hidden):
        self.url = url
        self.hidden = hidden
        self.replaying = False

    def __call__(self):
        answer = ask(self.url)
        if self.replaying:
            self.hidden(self.url)
        return answer


def raw_socket(url):
    host, port = url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=2):
        pass


def plain_urllib(url):
    urllib.request.urlopen(f"{url}/x", timeout=2)


def in_a_thread(url):
    raised = []

    def body():
        try:
            raw_socket(url)
        except OSError as error:
            raised.append(error)

    thread = threading.Thread(target=body, name="hidden-thread")
    thread.start()
    thread.join()
    raise raised[0]


def in_a_loop(url):
    async def connect():
        host, port = url.removeprefix("http://").split(":")
        await asyncio.open_connection(host, int(port))

    asyncio.run(connect())


def datagram(url):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.sendto(b"x", ("127.0.0.1", 9))


def by_name(url):
    socket.getaddrinfo("api.openai.com", 443)


def with_curl(url):
    subprocess.run(["curl", url], check=False)


def with_a_shell(url):
    subprocess.run(f"echo hi; curl {url}", shell=True, check=False)


HIDDEN = [raw_socket, plain_urllib, in_a_thread, in_a_loop, datagram, by_name, with_curl, with_a_shell]


@pytest.mark.parametrize("hidden", HIDDEN)
def test_a_hidden_live_call_fails_and_is_named(hidden, tape):
    agent = Hidden(tape.provider.url, hidden)
    tape.record(agent)
    agent.replaying = True
    replayed = tape.replay(agent)
    error = replayed.error
    while error is not None and not isinstance(error, LiveCallError):
        error = getattr(error, "reason", None) or error.__cause__ or error.__context__
    assert isinstance(error, LiveCallError)
    assert tape.hits == 0
    host = {datagram: "127.0.0.1:9", by_name: "api.openai.com", with_curl: "curl", with_a_shell: "curl"}
    assert host.get(hidden, tape.provider.url.removeprefix("http://")) in str(error)
    assert "test_llm_guard.py:" in str(error)
    if hidden is in_a_thread:
        assert error.thread == "hidden-thread"


def test_a_new_client_in_replay_is_refused_as_a_step_the_tape_does_not_hold(tape):
    agent = Hidden(tape.provider.url, lambda url: ask(f"{url}/other"))
    tape.record(agent)
    agent.replaying = True
    replayed = tape.replay(agent)
    assert type(replayed.error).__name__ == "DivergenceError"
    assert tape.hits == 0


def test_an_allowed_host_is_let_through(tape):
    agent = Hidden(tape.provider.url, raw_socket)
    tape.record(agent)
    agent.replaying = True
    with vcr_llm.capture(allow=["127.0.0.*"]):
        assert run_again(tape.player(), agent, ResumeConfig(mode="replay")).error is None


def test_a_swallowed_live_call_still_fails_the_replay(provider, recorder):
    with vcr_llm.capture(recorder):
        ask(provider.url)
    recorder.save()
    with pytest.raises(DivergenceError) as caught, vcr_llm.replay(recorder.path):  # noqa: PT012  # all of it belongs to one replay
        ask(provider.url)
        with contextlib.suppress(OSError):
            raw_socket(provider.url)
    assert provider.hits == 1
    assert isinstance(caught.value.__cause__, LiveCallError)


def test_a_thread_that_began_before_the_replay_is_watched_too(provider, recorder):
    go, done, raised = threading.Event(), threading.Event(), []

    def body():
        go.wait(10)
        try:
            raw_socket(provider.url)
        except OSError as error:
            raised.append(error)
        done.set()

    threading.Thread(target=body, daemon=True).start()
    with vcr_llm.capture(recorder):
        ask(provider.url)
    recorder.save()
    with pytest.raises(DivergenceError, match="live call"), vcr_llm.replay(recorder.path):  # noqa: PT012  # as above
        ask(provider.url)
        go.set()
        done.wait(10)
    assert isinstance(raised[0], LiveCallError)


def test_behind_the_cut_and_in_live_steps_calls_go_through(tape):
    url = tape.provider.url
    look_up = tool(lambda: plain_urllib(url), name="look_up")
    plan = step(lambda: ask(url)["id"], name="plan")

    def agent():
        found = plan()
        look_up()
        return found

    tape.record(agent)
    assert tape.replay(agent).error is None
    assert tape.hits == 0
    forked = tape.replay(
        agent, mode="fork", from_frame="0:look_up#0" if tape.player().rows[0].key[0] == "0" else "1:look_up#0"
    )
    assert forked.error is None
    assert tape.hits == 1
    mocked = tape.replay(agent, mode="mock", live=["look_up"])
    assert mocked.error is None
    assert tape.hits == 1


def test_without_a_replay_nothing_is_blocked(provider):
    with vcr_llm.capture():
        raw_socket(provider.url)


def test_the_error_crosses_a_process_boundary():
    error = pickle.loads(pickle.dumps(LiveCallError("api.example.com:443", "agent.py:3", "MainThread")))
    assert error.target == "api.example.com:443"
    assert "agent.py:3" in str(error)
