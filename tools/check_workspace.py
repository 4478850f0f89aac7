"""Check what the packages of the workspace say about themselves against what they are.

Reads manifests and syntax trees only; nothing is imported or installed. Prints one line per problem, exits 1 if there
is any. The rules:

- a package imports only what it declares (dependencies, extras, or ``[tool.vcr] optional-imports`` for modules that it
  uses only where the user's program brought them);
- of its siblings a package imports `vcr_core` alone; the façade may name others under ``TYPE_CHECKING``;
- nothing private crosses from one package to another;
- the ranges of siblings are bounded and admit the version in the workspace, and each sibling exists;
- scripts and entry points name objects that exist in the package;
- a package has the files, metadata and size that the house asks for;
- a test file's name occurs once.
"""

from __future__ import annotations

import ast
import re
import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

CORE, META = "vcr-core", "ai-agent-vcr"
MAX_MODULE_LINES, MAX_MANIFEST_LINES = 450, 60
REQUIRED_FILES = ("README.md", "CHANGELOG.md", "LICENSE", "changes", "src", "tests")
BUILD_REQUIREMENT = "hatchling>=1.27,<1.32"
SDIST_CONTENT = {"src", "tests", "README.md", "CHANGELOG.md", "LICENSE"}
# Distributions whose name is not that of the module they install.
MODULE_OWNERS = {"yaml": "pyyaml", "PIL": "pillow", "opentelemetry": "opentelemetry-api", "nacl": "pynacl"}


@dataclass(frozen=True)
class ImportedName:
    """One import statement's target, and under which condition it runs."""

    line: int
    dotted: str
    members: tuple[str, ...]
    for_types_only: bool

    @property
    def top(self) -> str:
        """The module that has to be installed."""
        return self.dotted.partition(".")[0]

    @property
    def is_private(self) -> bool:
        """Whether any step of the path, or a name taken from it, starts with one underscore."""
        steps = [*self.dotted.split(".")[1:], *self.members]
        return any(step.startswith("_") and not step.startswith("__") for step in steps)


class ImportFinder(ast.NodeVisitor):
    """Collects the absolute imports of a module, those inside functions included."""

    def __init__(self) -> None:
        self.found: list[ImportedName] = []
        self._types_only = False

    def visit_Import(self, node: ast.Import) -> None:
        self.found += [ImportedName(node.lineno, alias.name, (), self._types_only) for alias in node.names]

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        if not node.level and node.module:
            members = tuple(alias.name for alias in node.names)
            self.found.append(ImportedName(node.lineno, node.module, members, self._types_only))

    def visit_If(self, node: ast.If) -> None:
        before = self._types_only
        self._types_only = before or ast.unparse(node.test) in {"TYPE_CHECKING", "typing.TYPE_CHECKING"}
        for child in node.body:
            self.visit(child)
        self._types_only = before
        for child in node.orelse:
            self.visit(child)


@dataclass(frozen=True)
class Package:
    """A folder under ``packages/`` and what its manifest says."""

    folder: Path
    manifest: dict[str, Any]

    @classmethod
    def read(cls, folder: Path) -> Package:
        return cls(folder, tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8")))

    @property
    def project(self) -> dict[str, Any]:
        return self.manifest["project"]

    @property
    def name(self) -> str:
        return canonicalize_name(self.project["name"])

    @cached_property
    def hard(self) -> dict[str, Requirement]:
        return by_name(self.project.get("dependencies", []))

    @cached_property
    def declared(self) -> dict[str, Requirement]:
        extras = self.project.get("optional-dependencies", {})
        return {**by_name([spec for specs in extras.values() for spec in specs]), **self.hard}

    @cached_property
    def brought_by_the_user(self) -> set[str]:
        return set(self.manifest.get("tool", {}).get("vcr", {}).get("optional-imports", []))

    @cached_property
    def modules(self) -> set[str]:
        return {path.name.removesuffix(".py") for path in (self.folder / "src").glob("[!.]*") if is_module(path)}

    def sources(self) -> Iterator[Path]:
        for path in sorted((self.folder / "src").rglob("*.py")):
            if not {"_vendor", "vendor", "_template"} & set(path.parts):
                yield path


def is_module(path: Path) -> bool:
    return path.suffix == ".py" or (path.is_dir() and path.name.isidentifier() and path.name != "__pycache__")


def by_name(specs: list[str]) -> dict[str, Requirement]:
    return {canonicalize_name(requirement.name): requirement for requirement in map(Requirement, specs)}


class Workspace:
    """All packages, and the checks that need to know more than one."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.packages = [Package.read(path.parent) for path in sorted(root.glob("packages/*/pyproject.toml"))]
        self.versions = {package.name: package.project["version"] for package in self.packages}
        self.owners = {module: package.name for package in self.packages for module in package.modules}

    def problems(self) -> Iterator[str]:
        """Yield every problem of every package, then those of the whole."""
        for package in self.packages:
            for check in (check_files, check_manifest, check_entry_points):
                for problem in check(package, self.root):
                    yield f"packages/{package.folder.name}: {problem}"
            for problem in self.check_siblings(package):
                yield f"packages/{package.folder.name}: {problem}"
            yield from self.check_sources(package)
        yield from self.check_test_names()

    def check_siblings(self, package: Package) -> Iterator[str]:
        """Ranges of siblings are bounded and admit what stands here; only the core is a hard dependency."""
        for name, requirement in package.declared.items():
            if name == package.name:
                continue
            if name not in self.versions:
                if name.startswith("vcr-") or name == META:
                    yield f"{requirement} is not in the workspace; an installer would fetch a stranger's"
                continue
            if not requirement.specifier.contains(self.versions[name], prereleases=True):
                yield f"{requirement} does not admit the workspace's {name} {self.versions[name]}"
            if not any(part.operator in {"<", "<=", "==", "~="} for part in requirement.specifier):
                yield f"{requirement} has no upper bound"
            if name in package.hard and name != CORE:
                yield f"{requirement}: packages depend on {CORE}, not on each other; meet through entry points"

    def check_sources(self, package: Package) -> Iterator[str]:
        """Imports keep to what is declared and public; modules keep to their size."""
        for path in package.sources():
            text = path.read_text(encoding="utf-8")
            where = path.relative_to(self.root)
            if (lines := text.count("\n")) > MAX_MODULE_LINES:
                yield f"{where}: {lines} lines; split it below {MAX_MODULE_LINES}"
            finder = ImportFinder()
            finder.visit(ast.parse(text, filename=str(where)))
            for found in finder.found:
                for problem in self.check_import(package, found):
                    yield f"{where}:{found.line}: {problem}"

    def check_import(self, package: Package, found: ImportedName) -> Iterator[str]:
        """One import: declared, from the core if from a sibling, and public."""
        top = found.top
        owner = self.owners.get(top)
        if top in sys.stdlib_module_names or owner == package.name or top in package.brought_by_the_user:
            return
        distribution = owner or canonicalize_name(MODULE_OWNERS.get(top, top))
        if distribution not in package.declared:
            yield f"imports {found.dotted}, which {package.name} does not declare"
        if owner and owner != CORE and not (package.name == META and found.for_types_only):
            yield f"imports {found.dotted}, a sibling; only the core's public names cross between packages"
        if owner and found.is_private:
            names = ", ".join(found.members)
            yield f"takes {found.dotted}{f' ({names})' if names else ''} from {owner}, where it is private"

    def check_test_names(self) -> Iterator[str]:
        """A test file's name occurs once, so that its module does."""
        places: dict[str, list[Path]] = defaultdict(list)
        for pattern in ("packages/*/tests/**/test_*.py", "tests/**/test_*.py"):
            for path in self.root.glob(pattern):
                places[path.name].append(path.relative_to(self.root))
        for name, paths in sorted(places.items()):
            if len(paths) > 1:
                yield f"{name} occurs more than once: {', '.join(map(str, sorted(paths)))}"


def check_files(package: Package, root: Path) -> Iterator[str]:
    """The files that each package has."""
    for name in REQUIRED_FILES:
        if not (package.folder / name).exists():
            yield f"{name} is missing"
    licence = package.folder / "LICENSE"
    if licence.exists() and licence.read_bytes() != (root / "LICENSE").read_bytes():
        yield "LICENSE differs from the one at the root; copy it"
    for module in sorted(package.modules):
        if not (package.folder / "src" / module / "py.typed").exists():
            yield f"src/{module}/py.typed is missing"


def check_manifest(package: Package, root: Path) -> Iterator[str]:
    """The metadata that the packages have in common."""
    project = package.project
    expected = {"license": "MIT", "requires-python": ">=3.10", "readme": "README.md", "license-files": ["LICENSE"]}
    for key, value in expected.items():
        if project.get(key) != value:
            yield f"project.{key} is {project.get(key)!r}, expected {value!r}"
    if package.manifest["build-system"]["requires"] != [BUILD_REQUIREMENT]:
        yield f"build-system.requires is not [{BUILD_REQUIREMENT!r}]"
    if not re.fullmatch(r"[1-9]\d*\.\d+\.\d+((a|b|rc|\.dev)\d+)?", project.get("version", "")):
        yield "project.version is not a static version from 1.0.0 on"
    if "Private :: Do Not Upload" not in project.get("classifiers", []):
        yield "the classifier 'Private :: Do Not Upload' is missing (see RELEASING.md)"
    sdist = package.manifest.get("tool", {}).get("hatch", {}).get("build", {}).get("targets", {}).get("sdist", {})
    if not set(sdist.get("include", [])) >= SDIST_CONTENT:
        yield f"the sdist's include list lacks {', '.join(sorted(SDIST_CONTENT - set(sdist.get('include', []))))}"
    lines = (package.folder / "pyproject.toml").read_text(encoding="utf-8").count("\n")
    if lines > MAX_MANIFEST_LINES:
        yield f"pyproject.toml has {lines} lines; keep it to {MAX_MANIFEST_LINES}"


def check_entry_points(package: Package, root: Path) -> Iterator[str]:
    """Scripts and entry points lead to an object that the package defines."""
    groups = {"scripts": package.project.get("scripts", {}), **package.project.get("entry-points", {})}
    for group, entries in groups.items():
        for name, value in entries.items():
            module, _, attribute = value.partition(":")
            path = package.folder / "src" / module.strip().replace(".", "/")
            source = next((file for file in (path.with_suffix(".py"), path / "__init__.py") if file.exists()), None)
            if source is None:
                yield f"{group}: {name} = {value!r} names a module that the package does not have"
            elif attribute and attribute.strip().partition(".")[0] not in top_level_names(source):
                yield f"{group}: {name} = {value!r} names nothing that {source.name} defines"


def top_level_names(source: Path) -> set[str]:
    """The names that a module binds at its top level."""
    names: set[str] = set()
    for node in ast.parse(source.read_text(encoding="utf-8")).body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            names.add(node.name)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            names |= {alias.asname or alias.name for alias in node.names}
        elif isinstance(node, (ast.Assign, ast.AnnAssign)):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names |= {inner.id for target in targets for inner in ast.walk(target) if isinstance(inner, ast.Name)}
    return names


def main(root: Path) -> int:
    """Print the problems of the workspace at `root`; 0 if there are none."""
    workspace = Workspace(root)
    problems = list(workspace.problems())
    for problem in problems:
        print(problem)
    print(f"{len(workspace.packages)} packages, {len(problems)} problems: {', '.join(workspace.versions)}")
    return 1 if problems else 0


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parents[1]).resolve()))
