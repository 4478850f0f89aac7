"""What the exit status of ``vcr`` means; ``vcr --help`` prints it."""

from __future__ import annotations

OK = 0
ERROR = 1
USAGE = 2
DAMAGED = 3
INTERRUPTED = 130
CLOSED_PIPE = 141

EXIT_CODES = {
    OK: "done",
    ERROR: "error; or: `grep` found nothing, `scan` found a secret, `diff --exit-code` found a difference",
    USAGE: "wrong usage; the message says what is possible",
    DAMAGED: "a recording is damaged, or the file is no recording",
    INTERRUPTED: "interrupted with Ctrl-C",
    CLOSED_PIPE: "whoever reads the output went away (`vcr ls | head -1`)",
}
