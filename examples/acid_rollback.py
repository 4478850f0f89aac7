"""An agent breaks a project; every file comes back. Run: ``python examples/acid_rollback.py``."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from vcr_acid import ACIDWorkspace
from vcr_core import VCRRecorder


def main() -> None:
    home = Path(tempfile.mkdtemp())
    project = home / "project"
    (project / "src").mkdir(parents=True)
    (project / "src" / "app.py").write_text("print('works')\n")
    (project / ".env").write_text("API_TOKEN=keep-me-private\n")

    with VCRRecorder(output_dir=str(home / "tape")) as recorder:
        recorder.start_session("demo")
        acid = ACIDWorkspace(project, recorder=recorder, state_dir=str(home / "state"))
        acid.begin(session_id="demo")
        good = acid.savepoint({"step": "tests pass"}, node_name="coder")

        shutil.rmtree(project / "src")  # the agent goes wild
        (project / ".env").unlink()
        (project / "oops.tmp").write_text("?")
        acid.savepoint({"step": "broken"}, node_name="coder")

        report = acid.rollback(to_frame_index=good.index)
        print("state:  ", report.state)
        print("written:", ", ".join(report.written))
        print("deleted:", ", ".join(report.deleted))
        print("app.py: ", (project / "src" / "app.py").read_text().strip())

        acid.undo()
        print("undone, the attempt is still there:", (project / "oops.tmp").exists())
        acid.abort()
        print("aborted, as in the beginning:", sorted(p.name for p in project.iterdir()))
    shutil.rmtree(home)


if __name__ == "__main__":
    main()
