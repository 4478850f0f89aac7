"""All sessions of the workspace: what a contributor and CI run.

Packages are found by looking at ``packages/*/pyproject.toml``, so a new one takes part without a change here. Siblings
are always installed from explicit paths or wheel files, never by name: `vcr-core` on the public index is a stranger's.
"""

from __future__ import annotations

import os
import re
import shutil
import ssl
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import nox

nox.needs_version = ">=2025.2.9"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.error_on_missing_interpreters = False
nox.options.download_python = "never"

ROOT = Path(__file__).parent
MANIFESTS: dict[str, dict[str, Any]] = {
    path.parent.name: nox.project.load_toml(path) for path in sorted(ROOT.glob("packages/*/pyproject.toml"))
}
GROUPS = nox.project.load_toml(ROOT / "pyproject.toml")
CORE, META = "vcr-core", "ai-agent-vcr"
SUPPORTED = ("3.10", "3.11", "3.12", "3.13")
# One gigabyte installed: these have an environment of their own and take no part in the shared one.
HEAVY = {"vcr-crewai"}
SHARED = [name for name in MANIFESTS if name not in HEAVY]
NOT_IN_DEMO = {*HEAVY, "vcr-langgraph"}


def show_pyenv_interpreters() -> None:
    """Put the interpreters of pyenv on PATH, behind everything else.

    Its shims answer for every version on the disk but run only the selected ones, so the folders themselves are named.
    """
    versions = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    found = [str(path) for version in SUPPORTED for path in sorted(versions.glob(f"{version}.*/bin"))]
    os.environ["PATH"] = os.pathsep.join([os.environ["PATH"], *found])


def find_python(version: str) -> str | None:
    """Return a Python of that version that runs: pyenv's shims answer for every version on the disk."""
    for folder in os.environ["PATH"].split(os.pathsep):
        path = shutil.which(f"python{version}", path=folder)
        if path and subprocess.run([path, "--version"], capture_output=True, timeout=30, check=False).returncode == 0:
            return path
    return None


def choose_legs(first: str, second: str) -> list[str]:
    """Name the legs of `tests`; where the first one's interpreter is missing, the one that runs nox takes its place."""
    running = f"{sys.version_info.major}.{sys.version_info.minor}"
    here = first == running or find_python(first) is not None
    return list(dict.fromkeys([first if here else running, second]))


def trust_what_the_system_trusts() -> None:
    """Have uv trust the certificates that pip trusts: behind a proxy of one's own its built-in ones are not enough."""
    paths = ssl.get_default_verify_paths()
    if paths.cafile or (paths.capath and any(Path(paths.capath).iterdir())):
        os.environ.setdefault("UV_SYSTEM_CERTS", "1")


show_pyenv_interpreters()
trust_what_the_system_trusts()
PYTHONS = choose_legs("3.11", "3.13")
nox.options.sessions = ["workspace", "lint", "types", f"tests-{PYTHONS[0]}"]


def group(name: str, *packages: str) -> list[str]:
    """Read a dependency group of the workspace and, under the same name, of the packages given."""
    found = list(nox.project.dependency_groups(GROUPS, name)) if name in GROUPS["dependency-groups"] else []
    for package in packages:
        if name in MANIFESTS[package].get("dependency-groups", {}):
            found += nox.project.dependency_groups(MANIFESTS[package], name)
    return found


def editable(*packages: str) -> list[str]:
    """Spell the installation of packages from their folders."""
    return [word for package in packages for word in ("-e", f"packages/{package}")]


def closure(package: str) -> list[str]:
    """List a package and those of the workspace that it needs."""
    by_name = {manifest["project"]["name"]: folder for folder, manifest in MANIFESTS.items()}
    seen: list[str] = []
    todo = [package]
    while todo:
        current = todo.pop()
        if current in seen:
            continue
        seen.append(current)
        names = (re.split(r"[^\w.-]", spec, maxsplit=1)[0] for spec in MANIFESTS[current]["project"]["dependencies"])
        todo += [by_name[name] for name in names if name in by_name]
    return seen


def test_folders(*packages: str) -> list[str]:
    """List the test folders that hold tests; the cross-package ones come along where all packages do."""
    folders = [ROOT / "packages" / package / "tests" for package in packages]
    if set(packages) >= set(SHARED):
        folders.insert(0, ROOT / "tests")
    return [str(folder.relative_to(ROOT)) for folder in folders if any(folder.rglob("test_*.py"))]


def run_pytest(session: nox.Session, *arguments: str, timeout: int = 300, env: dict[str, str] | None = None) -> None:
    """Run pytest with a bound on each test; words after ``--`` on the command line replace nothing, they are added."""
    session.run("pytest", f"--timeout={timeout}", *arguments, *session.posargs, env=env)


def scratch(session: nox.Session) -> Path:
    """Return a folder for the session's own files.

    Not nox's temporary folder, which would also become the tests': they would then work inside this repository.
    """
    folder = Path(session.virtualenv.location).with_suffix(".files")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def build_wheels(session: nox.Session, packages: list[str]) -> list[str]:
    """Build the wheels of packages with the backend that is installed in the session."""
    out = scratch(session).resolve() / "wheels"
    shutil.rmtree(out, ignore_errors=True)
    for package in packages:
        with session.chdir(ROOT / "packages" / package):
            session.run("hatchling", "build", "-t", "wheel", "-d", str(out), silent=True)
    return [str(wheel) for wheel in sorted(out.glob("*.whl"))]


def need_system_package(session: nox.Session, command: str, debian_package: str) -> None:
    """Install a program with apt where that is possible, else skip the session and say why."""
    if shutil.which(command):
        return
    if shutil.which("apt-get") is None or os.geteuid() != 0:
        session.skip(f"{command} is not installed, and only root on Debian can have it installed by this session")
    session.run("apt-get", "update", "-qq", external=True, silent=True)
    session.run("apt-get", "install", "-qq", "--no-install-recommends", debian_package, external=True, silent=True)


@nox.session
def demo(session: nox.Session) -> None:
    """Record a small agent, break it, mend it; roll files back, replay for nothing, guard what is written."""
    session.install(*editable(*(name for name in MANIFESTS if name not in NOT_IN_DEMO)))
    session.run("vcr", "demo", *session.posargs)
    for example in ("golden_path", "sentinel_demo"):
        session.log(f"examples/{example}.py, in an empty directory")
        with tempfile.TemporaryDirectory() as folder, session.chdir(folder):
            session.run("python", str(ROOT / f"examples/{example}.py"))


@nox.session
def workspace(session: nox.Session) -> None:
    """Check manifests, version ranges and import boundaries."""
    session.install(*group("workspace"))
    session.run("python", "tools/check_workspace.py")


@nox.session
def lint(session: nox.Session) -> None:
    """Check rules and format."""
    session.install(*group("lint"))
    session.run("ruff", "check", *session.posargs)
    session.run("ruff", "format", "--check")


@nox.session
def types(session: nox.Session) -> None:
    """Check types with mypy and pyright, both strict."""
    session.install(*group("types", *SHARED), *editable(*SHARED))
    check_types(session, SHARED)


def check_types(session: nox.Session, packages: list[str]) -> None:
    """Run both type checkers over the sources of packages."""
    sources = [f"packages/{package}/src" for package in packages]
    session.run("mypy", *sources)
    session.run("pyright", "--warnings", "--pythonpath", str(Path(session.bin) / "python"), *sources)


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """Run every package's tests in one environment (CrewAI's have a session of their own)."""
    session.install(*group("test", *SHARED), *editable(*SHARED))
    run_pytest(session, "-m", "not e2e", *test_folders(*SHARED))


@nox.session
def full(session: nox.Session) -> None:
    """Run the tests with their searches at full size."""
    session.install(*group("test", *SHARED), *editable(*SHARED))
    run_pytest(session, "-m", "not e2e", *test_folders(*SHARED), timeout=3600, env={"VCR_FULL": "1"})


@nox.session
def coverage(session: nox.Session) -> None:
    """Say which lines and branches the tests reach."""
    session.install(*group("coverage"), *group("test", *SHARED), *editable(*SHARED))
    session.run("coverage", "run", "-m", "pytest", "--timeout=300", "-m", "not e2e", *test_folders(*SHARED))
    session.run("coverage", "combine", "-q")
    session.run("coverage", "report", *session.posargs)


def lowest(package: str, dependency: str) -> str:
    """Pin a dependency of a package to the lowest version that it declares."""
    specs = MANIFESTS[package]["project"]["dependencies"]
    version = next(match[1] for spec in specs if (match := re.match(rf"{re.escape(dependency)}>=([\d.]+)", spec)))
    return f"{dependency}=={version}"


# Each package with the latest of all that it needs; LangGraph's private names also where they are oldest.
ALONE = [
    *(nox.param(name, "", id=name) for name in SHARED),
    nox.param("vcr-langgraph", "langgraph", id="vcr-langgraph-lowest"),
]


@nox.session
@nox.parametrize("package,at_lowest", ALONE)
def isolated(session: nox.Session, package: str, at_lowest: str) -> None:
    """Test one package from wheels, with nothing but what it declares."""
    folders = [folder for folder in test_folders(package) if folder != "tests"]
    if not folders:
        session.skip(f"packages/{package}/tests holds no tests")
    session.install(*group("dists"))
    wheels = build_wheels(session, closure(package))
    python = clean_environment(session, "alone")
    pins = [lowest(package, at_lowest)] if at_lowest else []
    pip(session, python, "install", "-q", *group("test", package), *wheels, *pins)
    command = [str(python), "-m", "pytest", "--timeout=300", "-m", "not e2e", *folders, *session.posargs]
    session.run(*command, external=True)


def clean_environment(session: nox.Session, name: str, base: str = "python") -> Path:
    """Make an empty environment beside the session's own and return its interpreter."""
    folder = scratch(session).resolve() / name
    shutil.rmtree(folder, ignore_errors=True)
    session.run(base, "-m", "venv", "--without-pip", str(folder), silent=True, external=base != "python")
    return folder / "bin" / "python"


def pip(session: nox.Session, python: Path, command: str, *arguments: str) -> None:
    """Run a pip command on an environment that is not the session's own."""
    if session.venv_backend == "uv":
        session.run("uv", "pip", command, "--python", str(python), *arguments, external=True)
    else:
        session.run("python", "-m", "pip", "--python", str(python), command, *arguments)


@nox.session
def dists(session: nox.Session) -> None:
    """Build and check every wheel and sdist; install each package and each extra of the meta-package from wheels."""
    session.install(*group("dists"))
    out = scratch(session).resolve() / "dist"
    shutil.rmtree(out, ignore_errors=True)
    # hatch makes an environment of its own; with UV_PYTHON set it would fill the session's instead.
    apart = {"UV_PYTHON": None, "HATCH_DATA_DIR": str(out.with_name("hatch"))}
    for package in MANIFESTS:
        with session.chdir(ROOT / "packages" / package):
            session.run("hatch", "--quiet", "build", str(out), env=apart, silent=True)
    with session.chdir(out):
        session.run("twine", "check", "--strict", *(path.name for path in sorted(out.iterdir())))
    wheels = {path.name.split("-", 1)[0].replace("_", "-"): path for path in out.glob("*.whl")}
    for python in wheel_pythons():
        for package in (name for name in SHARED if name != META):
            files = [str(wheels[name]) for name in closure(package)]
            limit = ["--limit", "5"] if package == CORE else []
            install_and_check(session, python, package, files, *limit)
        for extra in meta_extras(wheels):
            what = f"{META}[{extra}]" if extra else META
            install_and_check(session, python, what, meta_requirements(extra, wheels))


def wheel_pythons() -> list[str]:
    """List the oldest and the newest Python that is supported, as far as they are on this machine."""
    found = [find_python(version) for version in (SUPPORTED[0], SUPPORTED[-1])]
    return [path for path in found if path] or [sys.executable]


def install_and_check(session: nox.Session, base: str, what: str, requirements: list[str], *options: str) -> None:
    """Install from wheel files into an empty environment, check it, and look at what imports load."""
    python = clean_environment(session, re.sub(r"\W+", "-", f"{Path(base).name}-{what}"), base)
    pip(session, python, "install", "-q", *requirements)
    pip(session, python, "check")
    session.run(str(python), "tools/check_installed.py", *options, external=True)
    shutil.rmtree(python.parents[1])
    session.log(f"{what} installs from wheel files on {Path(base).name}, and `pip check` is clean")


def meta_extras(wheels: dict[str, Path]) -> list[str]:
    """List the extras of the meta-package that the wheels at hand can serve; the heavy one has its own session."""
    extras = MANIFESTS[META]["project"]["optional-dependencies"]
    light = [extra for extra in extras if not HEAVY & set(siblings_of(extra))]
    return ["", *(extra for extra in light if set(siblings_of(extra)) <= set(wheels))]


def siblings_of(extra: str) -> list[str]:
    """List the distributions that an extra of the meta-package adds, through extras that name extras."""
    specs = MANIFESTS[META]["project"]["optional-dependencies"][extra] if extra else []
    named = [match for spec in specs if (match := re.match(rf"{META}\[(.*)\]", spec))]
    direct = [re.split(r"[^\w.-]", spec, maxsplit=1)[0] for spec in specs if not spec.startswith(META)]
    return [*direct, *(name for match in named for inner in match[1].split(",") for name in siblings_of(inner.strip()))]


def meta_requirements(extra: str, wheels: dict[str, Path]) -> list[str]:
    """Name the wheel files that an installation of the meta-package with one extra takes."""
    meta = f"{META}[{extra}] @ {wheels[META].as_uri()}" if extra else str(wheels[META])
    return [meta, str(wheels[CORE]), *(str(wheels[name]) for name in siblings_of(extra))]


@nox.session
def benchmarks(session: nox.Session) -> None:
    """Run the gate: limits and ratios measured in one run."""
    folders = [path for path in [ROOT / "benchmarks", *ROOT.glob("packages/*/benchmarks")] if path.is_dir()]
    gated = [str(path.relative_to(ROOT)) for path in folders if any(path.rglob("test_*.py"))]
    if not gated:
        session.skip("no benchmarks/**/test_*.py yet")
    session.install(*group("test", *SHARED), *group("benchmarks", *SHARED), *editable(*SHARED))
    run_pytest(session, *gated, timeout=900)


@nox.session
def peers(session: nox.Session) -> None:
    """Print ours beside the real predecessor on the same work."""
    if not (ROOT / "benchmarks/peers.py").exists():
        session.skip("benchmarks/peers.py does not exist")
    session.install(*editable(*SHARED))
    session.run("python", "benchmarks/peers.py", *session.posargs)


@nox.session
def docs(session: nox.Session) -> None:
    """Build the documentation; a warning is an error, and so is a public name that is not in it."""
    session.install(*group("docs"), *editable(*SHARED))
    session.run("sphinx-build", "-W", "--keep-going", "-q", "-b", "html", "docs", "docs/_build/html")
    session.run("python", "tools/check_reference.py", "docs/_build/html")
    session.log(f"open {ROOT / 'docs/_build/html/index.html'}")


@nox.session
def screenshots(session: nox.Session) -> None:
    """Take the pictures of the README: the terminal debugger and the dashboard, always of the same recordings."""
    need_system_package(session, "chromium", "chromium")
    session.install(*group("e2e"), *group("test", "vcr-tui", "vcr-server"), *editable(CORE, "vcr-tui", "vcr-server"))
    for name, tool in (("tui", "screenshots_tui"), ("dashboard", "screenshots_server")):
        session.run("python", f"tools/{tool}.py", f"docs/images/{name}.png")


@nox.session
def e2e(session: nox.Session) -> None:
    """Drive the dashboard in a real browser and the debugger in a real terminal."""
    marked = [path for path in ROOT.glob("packages/*/tests/**/test_*.py") if "mark.e2e" in path.read_text()]
    marked += [path for path in ROOT.glob("tests/**/test_*.py") if "mark.e2e" in path.read_text()]
    if not marked:
        session.skip("no test is marked e2e yet")
    need_system_package(session, "chromium", "chromium")
    need_system_package(session, "tmux", "tmux")
    session.install(*group("test", *SHARED), *group("e2e", *SHARED), *editable(*SHARED))
    run_pytest(session, "-m", "e2e", *(str(path.relative_to(ROOT)) for path in marked))


@nox.session
def crewai(session: nox.Session) -> None:
    """Check and test the CrewAI integration in its own environment."""
    if "vcr-crewai" not in MANIFESTS:
        session.skip("packages/vcr-crewai does not exist")
    session.install(*group("test", "vcr-crewai"), *group("types"), *editable(*closure("vcr-crewai")))
    check_types(session, ["vcr-crewai"])
    run_pytest(session, *test_folders("vcr-crewai"))


@nox.session
def clients(session: nox.Session) -> None:
    """Capture the model calls of clients that the shared environment cannot hold: litellm needs openai 2."""
    session.install(*group("test", "vcr-llm"), *group("clients", "vcr-llm"), *editable(*closure("vcr-llm")))
    run_pytest(session, "packages/vcr-llm/tests/test_llm_matrix.py")


@nox.session
def changelog(session: nox.Session) -> None:
    """Collect the change fragments of a package: ``nox -s changelog -- vcr-core``."""
    session.install(*group("changelog"))
    for package in session.posargs:
        session.run("towncrier", "build", "--yes", "--dir", f"packages/{package}")
