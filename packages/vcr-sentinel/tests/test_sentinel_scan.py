from __future__ import annotations

import json
import subprocess
import sys

import pytest

from vcr_sentinel.baseline import Baseline, BaselineError
from vcr_sentinel.cli import main
from vcr_sentinel.hook_install import install


def scan_json(capsys, *arguments):
    code = main(["scan", *map(str, arguments), "--format", "json"])
    return code, json.loads(capsys.readouterr().out)["findings"]


def test_a_clean_project_is_clean(project, capsys):
    assert main(["scan", str(project)]) == 0
    assert "nothing wrong" in capsys.readouterr().out


def test_of_two_copies_one_is_told(project, capsys, hash_password):
    (project / "handlers.py").write_text(hash_password)
    code, found = scan_json(capsys, project)
    assert code == 1
    assert [(item["code"], item["path"], item["related"]) for item in found] == [
        ("VS101", "handlers.py", "auth/utils.py:4")
    ]
    assert main(["scan", str(project), "--fail-on", "critical"]) == 1


def test_a_third_copy_of_a_baselined_clone_is_flagged(project, capsys, hash_password, tmp_path):
    baseline = tmp_path / "accepted.json"
    (project / "handlers.py").write_text(hash_password)
    assert main(["scan", str(project), "--write-baseline", str(baseline)]) == 0
    assert scan_json(capsys, project, "--baseline", baseline) == (0, [])
    (project / "aaa.py").write_text(hash_password)
    _, found = scan_json(capsys, project, "--baseline", baseline)
    assert [item["path"] for item in found] == ["aaa.py"]


def test_a_baseline_that_is_none_is_explained(tmp_path):
    path = tmp_path / "b.json"
    path.write_text("[]")
    with pytest.raises(BaselineError, match="--write-baseline"):
        Baseline.load(path)
    assert main(["scan", str(tmp_path), "--baseline", str(path)]) == 2


def test_fix_replaces_a_duplicate_by_an_import_and_touches_nothing_else(project, capsys, hash_password):
    head = '"""Handlers."""\n\nimport os   # odd  spacing\nX = [1,2]\n\n\n'
    before = f'{head}{hash_password}\n\ndef login(p):\n    return hash_password(p, b"s") , os\n'
    (project / "handlers.py").write_text(before)
    (project / "check.py").write_text("import handlers\nassert len(handlers.login('a')[0]) == 64\n")
    assert main(["scan", str(project), "--fix"]) == 0
    after = (project / "handlers.py").read_text()
    assert after == (
        '"""Handlers."""\n\nimport os   # odd  spacing\nfrom auth.utils import hash_password\nX = [1,2]\n\n\n'
        'def login(p):\n    return hash_password(p, b"s") , os\n'
    )
    subprocess.run([sys.executable, "check.py"], cwd=project, check=True)


def test_fix_within_a_file_leaves_an_alias_and_methods_are_refused(project, capsys, sum_up):
    text = (project / "billing.py").read_text() + "\n\n" + sum_up.replace("sum_up", "tally")
    (project / "billing.py").write_text(text)
    (project / "meth.py").write_text("class A:\n" + "".join(f"    {line}\n" for line in sum_up.splitlines()))
    assert main(["scan", str(project), "--fix"]) == 1
    assert (project / "billing.py").read_text().endswith("    return rounded\n\n\ntally = sum_up\n")
    assert "a method has no import" in capsys.readouterr().err


def test_broken_files_and_placeholders_are_told(project, capsys):
    (project / "broken.py").write_text("def f(:\n")
    (project / "half.py").write_text("def f():\n    # ... rest of the code unchanged\n    return 1\n")
    _, found = scan_json(capsys, project)
    assert sorted(item["code"] for item in found) == ["VS001", "VS405"]


def test_sarif_has_what_the_standard_requires(project, capsys, hash_password):
    (project / "handlers.py").write_text(hash_password)
    main(["scan", str(project), "--format", "sarif"])
    log = json.loads(capsys.readouterr().out)
    (run,) = log["runs"]
    (result,) = run["results"]
    assert log["version"] == "2.1.0"
    assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"] == "VS101"
    location = result["locations"][0]["physicalLocation"]
    assert location["artifactLocation"]["uri"] == "handlers.py"
    assert location["region"]["startLine"] == 1
    assert result["relatedLocations"][0]["physicalLocation"]["region"]["startLine"] == 4


def test_github_annotations_escape_what_they_must(project, capsys, hash_password):
    (project / "handlers.py").write_text(hash_password)
    main(["scan", str(project), "--format", "github"])
    line = capsys.readouterr().out.strip()
    assert line.startswith("::error file=handlers.py,line=1,title=VS101::hash_password() duplicates")
    assert "\n" not in line


def test_explain_and_usage(capsys):
    assert main(["explain", "vs101"]) == 0
    assert "exact duplicate" in capsys.readouterr().out
    assert main(["explain", "VS999"]) == 2
    assert main(["explain", "--markdown"]) == 0
    with pytest.raises(SystemExit) as caught:
        main(["scan", "/no/such/folder"])
    assert caught.value.code == 2


@pytest.mark.parametrize(("client", "name"), [("claude", ".claude/settings.json"), ("codex", ".codex/hooks.json")])
def test_installing_hooks_keeps_what_is_there(tmp_path, client, name):
    path = tmp_path / name
    path.parent.mkdir()
    path.write_text('{"model": "x", "hooks": {"Stop": [{"hooks": [{"type": "command", "command": "mine"}]}]}}')
    assert len(install(tmp_path, client)) == 3
    settings = json.loads(path.read_text())
    assert settings["model"] == "x"
    assert [group["hooks"][0]["command"] for group in settings["hooks"]["Stop"]] == ["mine", "sentinel hook"]
    assert install(tmp_path, client) == [f"{path} has the hooks already"]


def test_installing_pre_commit(tmp_path):
    install(tmp_path, "pre-commit")
    assert "sentinel scan" in (tmp_path / ".pre-commit-config.yaml").read_text()
    assert "already" in install(tmp_path, "pre-commit")[0]
