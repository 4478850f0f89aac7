"""Save a good run, replay it for nothing, and see what a change costs. Run: ``python examples/ghost_replay.py``."""

from __future__ import annotations

import tempfile
from pathlib import Path

from vcr_core import DivergenceError, VCRRecorder, llm, tool
from vcr_golden import GoldenRunCache, reads

LIVE_CALLS: list[str] = []


@tool
@reads("docs")
def read_docs(topic: str) -> str:
    LIVE_CALLS.append("read_docs")
    return f"{topic}: use short-lived tokens"


@llm(metadata=lambda _: {"model": "demo-1", "tokens_input": 3600, "tokens_output": 500, "cost_usd": 0.0123})
def write_code(prompt: str) -> str:
    LIVE_CALLS.append("write_code")
    return f"# {prompt}\ndef login(): ..."


def build_api(topic: str) -> str:
    return write_code(read_docs(topic).upper())


def main() -> None:
    home = Path(tempfile.mkdtemp())
    task = "Build a REST API with JWT auth"
    with VCRRecorder(output_dir=home / "tape") as recorder:
        recorder.start_session("first")
        recorder.run(build_api, "jwt")

    cache = GoldenRunCache(home / "golden")
    print("saved:     ", cache.save_golden_run(task, recorder, identity={"prompt": "be brief"}))

    LIVE_CALLS.clear()
    result, ledger = cache.run(task, build_api, "jwt")
    print("replayed:  ", result.splitlines()[-1], "| live calls:", len(LIVE_CALLS))
    print("           ", ledger)

    try:
        cache.run(task, build_api, "oauth")
    except DivergenceError as error:
        print("new input: ", f"{error.kind} at {error.path}: {error.expected!r} -> {error.actual!r}")

    _, ledger = cache.run(task, build_api, "JWT", mode="hybrid")
    print("hybrid:    ", "ran", ", ".join(LIVE_CALLS), "- the prompt came out equal, so the model was not asked")
    print("           ", ledger)

    print(cache.explain(task, build_api, "jwt", identity={"prompt": "be thorough"}))


if __name__ == "__main__":
    main()
