from __future__ import annotations

import importlib
import pickle
import subprocess
import sys
from importlib.util import find_spec
from types import ModuleType

import pytest

from agent_vcr._forwarding import forward
from agent_vcr.errors import MissingExtraError
from vcr_core.errors import VcrError

MODULES = {
    "agent_vcr": "vcr_core",
    "agent_vcr.golden_cache": "vcr_golden",
    "agent_vcr.integrations.crewai": "vcr_crewai",
    "agent_vcr.integrations.langgraph": "vcr_langgraph",
    "agent_vcr.integrations.openhands": "vcr_acid",
    "openhands_sentinel": "vcr_sentinel",
}


@pytest.fixture
def front(monkeypatch):
    """A module that stands for a package of three names, and the target it stands for."""
    target = ModuleType("standing_behind")
    target.__all__ = ["Shown", "count"]
    target.Shown = type("Shown", (), {})
    target.count = 1
    target._hidden = 2
    module = ModuleType("standing_in_front")
    monkeypatch.setitem(sys.modules, "standing_behind", target)
    monkeypatch.setitem(sys.modules, "standing_in_front", module)
    module.__getattr__, module.__dir__ = forward("standing_in_front", to="standing_behind", extra="behind")
    return module, target


def test_a_name_is_the_target_s_own_object_and_kept(front):
    module, target = front
    assert module.Shown is target.Shown
    assert "Shown" in vars(module)


def test_star_import_and_dir_give_the_public_names(front):
    module, _ = front
    names: dict[str, object] = {}
    exec("from standing_in_front import *", names)
    assert {"Shown", "count"} <= set(names)
    assert dir(module) == ["Shown", "count"]


@pytest.mark.parametrize("module", [module for module, target in MODULES.items() if find_spec(target)])
def test_all_public_names_can_be_imported_at_once(module):
    names: dict[str, object] = {}
    exec(f"from {module} import *", names)
    assert set(importlib.import_module(MODULES[module]).__all__) <= set(names)


EXTRA_OF = {
    "agent_vcr.golden_cache": "golden",
    "agent_vcr.integrations.crewai": "crewai",
    "agent_vcr.integrations.langgraph": "langgraph",
    "agent_vcr.integrations.openhands": "acid",
    "openhands_sentinel": "sentinel",
}


@pytest.mark.parametrize(("module", "extra"), EXTRA_OF.items())
def test_each_missing_extra_is_named_where_its_package_is_not_there(module, extra):
    """In a process that cannot find the package, whether it is installed here or not."""
    program = f"import sys; sys.modules[{MODULES[module]!r}] = None\nfrom {module} import Anything"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert run.returncode == 1
    assert f"pip install 'ai-agent-vcr[{extra}]'" in run.stderr


@pytest.mark.parametrize("name", ["_hidden", "__wrapped__", "nothing"])
def test_other_names_are_attribute_errors(front, name):
    module, _ = front
    with pytest.raises(AttributeError, match=f"'standing_in_front' has no attribute '{name}'"):
        getattr(module, name)


def test_only_limits_what_is_forwarded(front):
    look_up, names = forward("standing_in_front", to="standing_behind", only=["count"])
    assert look_up("count") == 1
    assert names() == ["count"]
    with pytest.raises(AttributeError, match="Shown"):
        look_up("Shown")


def test_a_missing_package_names_the_extra_that_brings_it():
    look_up, _ = forward("agent_vcr.golden_cache", to="vcr_no_such_package", extra="golden")
    with pytest.raises(MissingExtraError, match=r"pip install 'ai-agent-vcr\[golden\]'") as caught:
        look_up("GoldenRunCache")
    assert isinstance(caught.value, ImportError)
    assert isinstance(caught.value, VcrError)
    assert (caught.value.package, caught.value.extra) == ("vcr_no_such_package", "golden")


def test_the_error_crosses_a_process_boundary():
    error = MissingExtraError("agent_vcr.golden_cache", package="vcr_golden", extra="golden")
    copy = pickle.loads(pickle.dumps(error))
    assert str(copy) == str(error)
    assert (copy.module, copy.package, copy.extra) == ("agent_vcr.golden_cache", "vcr_golden", "golden")


def test_a_fault_inside_the_package_is_not_called_missing(tmp_path, monkeypatch):
    (tmp_path / "broken_behind.py").write_text("import a_module_it_needs\n")
    monkeypatch.syspath_prepend(tmp_path)
    look_up, _ = forward("agent_vcr.golden_cache", to="broken_behind", extra="golden")
    with pytest.raises(ModuleNotFoundError, match="a_module_it_needs"):
        look_up("GoldenRunCache")


@pytest.mark.parametrize("module", [*MODULES, "agent_vcr.models", "agent_vcr.integrations"])
def test_importing_the_facade_loads_nothing_behind_it(module):
    program = f"import sys, {module}; print([name for name in sys.modules if name.startswith('vcr_')])"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert run.stdout.strip() == "[]"


@pytest.mark.parametrize(("module", "target"), MODULES.items())
def test_the_facade_has_what_stands_behind_it(module, target):
    front = importlib.import_module(module)
    if find_spec(target) is None:
        with pytest.raises(MissingExtraError, match="pip install 'ai-agent-vcr"):
            dir(front)
        return
    behind = importlib.import_module(target)
    assert set(behind.__all__) <= set(dir(front))
    assert all(getattr(front, name) is getattr(behind, name) for name in behind.__all__ if not name.startswith("_"))


def test_the_classic_imports_work():
    from agent_vcr import VCRPlayer, VCRRecorder, models
    from agent_vcr.models import Frame, FrameMetadata, ResumeConfig, ResumeMode, SessionInfo

    assert [VCRPlayer.__module__.split(".")[0], VCRRecorder.__module__.split(".")[0]] == ["vcr_core", "vcr_core"]
    assert models.__all__ == [kind.__name__ for kind in (Frame, FrameMetadata, ResumeConfig, ResumeMode, SessionInfo)]
