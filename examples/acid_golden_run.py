"""A golden run that also keeps its files: replayed for nothing, the workspace put back where the run ended.

Run: ``python examples/acid_golden_run.py`` (files are kept where vcr-acid is installed).
"""

from __future__ import annotations

import importlib.util
import tempfile
from pathlib import Path

from vcr_core import VCRRecorder, llm, step
from vcr_golden import GoldenRunCache, writes


@llm(metadata=lambda _: {"model": "demo-1", "tokens_input": 900, "tokens_output": 100, "cost_usd": 0.004})
def write_source(request: str) -> str:
    return f"print({request!r})\n"


@step
@writes("files")
def save_file(folder: str, text: str) -> str:
    target = Path(folder) / "app.py"
    target.write_text(text)
    return target.name


def coder(folder: str, request: str) -> str:
    return save_file(folder, write_source(request))


def main() -> None:
    home = Path(tempfile.mkdtemp())
    project = home / "project"
    project.mkdir()
    (project / "README").write_text("a project\n")
    acid = None
    with VCRRecorder(output_dir=home / "tape") as recorder:
        recorder.start_session("coder")
        if importlib.util.find_spec("vcr_acid") is not None:
            from vcr_acid import ACIDWorkspace  # noqa: PLC0415  # only where it is installed

            acid = ACIDWorkspace(project, state_dir=str(home / "state"))
            acid.begin(session_id="coder")
        recorder.run(coder, str(project), "hello")
        good = acid.savepoint({"step": "done"}, node_name="coder") if acid is not None else None

    cache = GoldenRunCache(home / "golden")
    cache.save_golden_run("hello app", recorder)
    (project / "app.py").write_text("broken by a later run")

    result, ledger = cache.run("hello app", coder)
    print("replayed:", result, ledger)
    if acid is not None and good is not None:
        acid.rollback(to_frame_index=good.index)
        print("app.py:  ", (project / "app.py").read_text().strip())
    else:
        print("app.py:   not put back: vcr-acid is not installed")


if __name__ == "__main__":
    main()
