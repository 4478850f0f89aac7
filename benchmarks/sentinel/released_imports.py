"""False alarms of the import and call rules: released code works, so VS3xx findings outside tests are suspect.

`python benchmarks/sentinel/released_imports.py` checks every file of the newest release of each package in `corpus.py`
(`--all`: of every release) as it stands and prints each finding. Exit code 1 if there is any that is not in
`known_true.txt`: findings that were read by hand and are faults of the release.
"""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

import corpus

from vcr_sentinel.config import Config
from vcr_sentinel.guard import Sentinel

KNOWN = Path(__file__).with_name("known_true.txt")


def main() -> int:
    """Run."""
    known = {line.split("#")[0].strip() for line in KNOWN.read_text().splitlines()} if KNOWN.is_file() else set()
    counts: Counter[str] = Counter()
    files = imports = calls = 0
    new: list[str] = []
    first = 0 if "--all" in sys.argv[1:] else -1
    releases = [(name, folder) for name, folders in corpus.histories() for folder in folders[first:]]
    releases += [(name, folder) for name in corpus.PLAIN if (folder := corpus.fetch(name, "")) is not None]
    for package, folder in releases:
        with Sentinel(root=folder, config=Config(ruff=False), persist=False, slow_lane="off") as sentinel:
            for path, file in sorted(sentinel.project.index.files.items()):
                if file.test:
                    continue
                files += 1
                imports += sum(len(chunk.core.imports) for chunk in file.chunks)
                calls += sum(len(detail.calls) for detail in sentinel.project.details(path))
                for item in sentinel.check_all(path)[0]:
                    if item.code.startswith("VS3"):
                        key = f"{package} {item.code} {path} {item.identity}"
                        counts["known to be true" if key in known else "new"] += 1
                        if key not in known:
                            new.append(f"{folder.name} {item.code} {path}:{item.line} {item.message}  [{key}]")
    print(f"{len(releases)} releases, {files} files outside tests, {imports} imports, {calls} calls")
    print(f"findings: {counts['known to be true']} read by hand and true, {counts['new']} others", *new, sep="\n  ")
    return int(bool(new))


if __name__ == "__main__":
    sys.exit(main())
