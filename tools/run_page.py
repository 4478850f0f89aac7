"""Plays a page of the documentation: writes its files, runs its commands, compares what they print.

``python tools/run_page.py docs/tutorial.md`` tells where the page is not true; ``--write`` puts what was printed into
the page.  A page is played from top to bottom in an empty directory:

- a fence whose first line is ``# some/name.py``, or that follows ``<!-- file: some/name.json -->``, is that file;
- in a ``console`` fence a line that begins with ``$ `` is run, and the lines below it are what it prints;
- a fence that follows ``<!-- not run: reason -->`` is left alone.

Times, sizes, dates and hashes are compared by their form; a line ``…`` stands for any lines.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

FENCE = re.compile(
    r"^(?:<!-- (?P<mark>not run|file|exit status): (?P<said>[^>]+) -->\n+)?"
    r"```(?P<kind>\w+)\n(?P<body>.*?)^```$",
    re.DOTALL | re.MULTILINE,
)
FILE_NAME = re.compile(r"# ([\w./-]+\.\w+)\n")
# What differs from run to run and from machine to machine, and what stands for it.
FORMS = [
    (r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?Z?|\b\d\d:\d\d:\d\d(\.\d+)?\b|\b\d\d\d\d-\d{6}\b", "TIME"),
    (r"<?[\d.,]+ ?(ms|µs|s|m \d+ ?s|bytes|B|KB|MB)\b", "QUANTITY"),
    (r"\b0x[0-9a-f]+\b|\b(?=[0-9a-f]*[0-9])[0-9a-f]{7,}\b", "HASH"),
    (r"127\.0\.0\.1:\d+", "ADDRESS"),
    (r"/(tmp|private|var)/[\w./~-]+", "PATH"),
    (r"[▁▂▃▄▅▆▇█]+", "BARS"),
    (r"[-=]{3,}", "---"),
    (r"[ \t]+", " "),
]
BOUND_S = 120
ROOT = Path(__file__).resolve().parents[1]
SHOWN_DIRECTORY = "/home/you/project"


class Command(NamedTuple):
    """One command of a page, what the page says it prints, and where that stands in the page's text."""

    words: str
    printed: str
    start: int
    end: int
    status: int


class Fault(NamedTuple):
    """A command that did not do what its page says."""

    command: Command
    printed: str
    status: int

    def __str__(self) -> str:
        said, got = self.command.printed, self.printed
        return f"$ {self.command.words}\nexit status {self.status}\n--- the page says\n{said}--- printed was\n{got}"


def fences(text: str) -> Iterator[re.Match[str]]:
    """Yield the fences of a page that take part."""
    return (match for match in FENCE.finditer(text) if match["mark"] != "not run")


def file_of(fence: re.Match[str]) -> str | None:
    """Return the name of the file that a fence holds, or None."""
    if fence["mark"] == "file":
        return fence["said"]
    named = FILE_NAME.match(fence["body"])
    return named[1] if named else None


def commands(fence: re.Match[str]) -> Iterator[Command]:
    """Yield the commands of a console fence."""
    status = int(fence["said"]) if fence["mark"] == "exit status" else 0
    found = list(re.finditer(r"^\$ (.+)\n", fence["body"], re.MULTILINE))
    ends = [each.start() for each in found[1:]] + [len(fence["body"])]
    for each, end in zip(found, ends, strict=True):
        begin = fence.start("body")
        expected = status if each is found[-1] else 0
        yield Command(each[1], fence["body"][each.end() : end], begin + each.end(), begin + end, expected)


def normal(printed: str) -> str:
    """Return a text with all that may differ replaced by its form."""
    for pattern, form in FORMS:
        printed = re.sub(pattern, form, printed)
    return "\n".join(line.strip() for line in printed.strip().splitlines())


def agrees(said: str, printed: str) -> bool:
    """Tell whether a text is what a page says; a line ``…`` of the page stands for any lines."""
    parts = [re.escape(part) for part in re.split(r"^…$", normal(said), flags=re.MULTILINE)]
    return re.fullmatch(".*".join(parts), normal(printed), re.DOTALL) is not None


def environment(directory: Path) -> dict[str, str]:
    """Return the environment of a page's commands: this Python's programs, no colour, no settings of one's own."""
    plain = {name: os.environ[name] for name in ("LANG", "TMPDIR", "SSL_CERT_FILE") if name in os.environ}
    home = directory / ".home"
    home.mkdir(exist_ok=True)
    return plain | {
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]),
        "HOME": str(home),
        "COLUMNS": "100",
        "NO_COLOR": "1",
        "TZ": "UTC",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONIOENCODING": "utf-8",
        "GIT_AUTHOR_NAME": "A Reader",
        "GIT_AUTHOR_EMAIL": "reader@example.org",
        "GIT_COMMITTER_NAME": "A Reader",
        "GIT_COMMITTER_EMAIL": "reader@example.org",
    }


def play(text: str, directory: Path) -> list[tuple[Command, str, int]]:
    """Play a page in a directory; return what each command printed, and its exit status."""
    work = directory / "project"
    work.mkdir()
    outcomes = []
    for fence in fences(text):
        name = file_of(fence)
        if name is not None:
            target = work / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(fence["body"])
        elif fence["kind"] == "console":
            for command in commands(fence):
                done = subprocess.run(
                    ["bash", "-c", command.words], cwd=work, env=environment(directory), check=False, text=True,
                    stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=BOUND_S,
                )  # fmt: skip
                shown = done.stdout.replace(str(work), SHOWN_DIRECTORY).replace(str(directory), "/home/you")
                status = done.returncode if done.returncode >= 0 else 128 - done.returncode  # as a shell says it
                outcomes.append((command, shown, status))
        elif fence["kind"] == "python":
            raise SystemExit("a Python fence is neither a file (`# name.py`) nor marked as not run:\n" + fence["body"])
    return outcomes


def faults(text: str, directory: Path) -> list[Fault]:
    """Play a page and return where it is not true."""
    return [
        Fault(command, printed, status)
        for command, printed, status in play(text, directory)
        if status != command.status or not agrees(command.printed, printed)
    ]


def rewrite(text: str, directory: Path) -> str:
    """Play a page and return it with what was printed; where the page has ``…`` it is left as it is.

    Raises:
        SystemExit: If a command ended otherwise than the page says: that is no output to show.
    """
    outcomes = play(text, directory)
    for command, printed, status in outcomes:
        if status != command.status or str(ROOT) in printed:
            raise SystemExit(f"nothing is written:\n{Fault(command, printed, status)}")
    for command, printed, _ in reversed(outcomes):
        if not re.search(r"^…$", command.printed, re.MULTILINE) and not agrees(command.printed, printed):
            shown = "".join(f"{line.rstrip()}\n" for line in printed.rstrip().splitlines())
            text = text[: command.start] + shown + text[command.end :]
    return text


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="put what was printed into the page")
    parser.add_argument("pages", nargs="+", type=Path)
    options = parser.parse_args()
    untrue = 0
    for page in options.pages:
        text = page.read_text()
        with tempfile.TemporaryDirectory() as folder:
            if options.write:
                page.write_text(rewrite(text, Path(folder)))
            else:
                for fault in faults(text, Path(folder)):
                    untrue += 1
                    print(f"{page}: {fault}\n")
    return 1 if untrue else 0


if __name__ == "__main__":
    sys.exit(main())
