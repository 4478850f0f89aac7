"""Checks an environment that holds nothing but wheels of the workspace and what they need; `nox -s dists` runs it.

Every distribution of the workspace that is installed is imported in a fresh process with all its public names.  What
that loads has to be its own or what it declares: nobody pays for another package's dependency.  With ``--limit`` the
whole environment is weighed.  Only the standard library is used.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import re
import subprocess
import sys
import sysconfig
from pathlib import Path

# msgspec imports it where another package brought it, and does without it elsewhere.
LOOKED_FOR = {"typing-extensions"}
OWN = re.compile(r"vcr-[a-z]+|ai-agent-vcr")
LOAD = """
import sys
before = set(sys.modules)
from {package} import *
print(*sorted({{name.partition(".")[0] for name in set(sys.modules) - before}} - set(sys.stdlib_module_names)))
"""


def normal(name: str) -> str:
    """Return the name of a distribution as indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def needed(distribution: str) -> set[str]:
    """Return a distribution and all that it needs without extras, as far as it is installed."""
    found: set[str] = set()
    todo = [normal(distribution)]
    while todo:
        name = todo.pop()
        if name in found:
            continue
        try:
            requirements = importlib.metadata.requires(name) or []
        except importlib.metadata.PackageNotFoundError:
            continue  # only for another platform or Python
        found.add(name)
        plain = (requirement for requirement in requirements if not re.search(r"\bextra\s*==", requirement))
        todo += [normal(re.split(r"[^\w.-]", requirement, maxsplit=1)[0]) for requirement in plain]
    return found


def foreign(distribution: str, package: str, owners: dict[str, list[str]]) -> list[str]:
    """Return what importing a package loads that its distribution does not need."""
    done = subprocess.run(
        [sys.executable, "-I", "-c", LOAD.format(package=package)],
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    if done.returncode:
        return [f"it cannot be imported:\n{done.stderr}"]
    allowed = needed(distribution) | LOOKED_FOR
    roots = [root for root in done.stdout.split() if root in owners]
    return [root for root in roots if not {normal(owner) for owner in owners[root]} & allowed]


def weight() -> int:
    """Return the bytes of everything that is installed."""
    return sum(path.stat().st_size for path in Path(sysconfig.get_path("purelib")).rglob("*") if path.is_file())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    parser.add_argument("--limit", type=float, help="megabytes that everything installed may have")
    options = parser.parse_args()
    owners = {root: list(names) for root, names in importlib.metadata.packages_distributions().items()}
    installed = {dist.metadata["Name"] for dist in importlib.metadata.distributions()}
    problems = []
    for distribution in sorted(name for name in installed if OWN.fullmatch(name)):
        package = "agent_vcr" if distribution == "ai-agent-vcr" else distribution.replace("-", "_")
        problems += [f"import {package}: {found}" for found in foreign(distribution, package, owners)]
    megabytes = weight() / 1e6
    if options.limit and megabytes > options.limit:
        problems.append(f"{megabytes:.1f} MB are installed, the limit is {options.limit:g}")
    for problem in problems:
        print(problem)
    print(f"{sys.version.split()[0]}: {', '.join(sorted(installed))}: {megabytes:.1f} MB, {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
