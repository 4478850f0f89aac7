from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

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


RUN = "import sys, runpy; sys.path.insert(0, '.'); runpy.run_path({!r}, run_name='__main__')"


def printed(project, program):
    done = subprocess.run(
        [sys.executable, "-c", RUN.format(program)], cwd=project, capture_output=True, text=True, check=True
    )
    return done.stdout


TO_BASE = """def to_base(values):
    total = 0
    for value in values:
        if value < 0:
            raise ValueError(f"negative: {value}")
        total += value * RATE
    return total
"""


def test_fix_leaves_a_copy_whose_names_mean_other_things(tmp_path, capsys):
    (tmp_path / "metric.py").write_text(f"RATE = 1000\n\n\n{TO_BASE}")
    (tmp_path / "pricing.py").write_text(f"RATE = 100\n\n\n{TO_BASE}\n\nprint(to_base([1, 2]))\n")
    before = printed(tmp_path, "pricing.py")
    main(["scan", str(tmp_path), "--fix"])
    assert printed(tmp_path, "pricing.py") == before == "300\n"


def test_fix_leaves_a_copy_whose_names_cannot_be_known(project, capsys, hash_password):
    copy = f"from hashlib import *\n\n\n{hash_password}"
    (project / "handlers.py").write_text(copy)
    main(["scan", str(project), "--fix"])
    assert (project / "handlers.py").read_text() == copy
    assert "it cannot be told whether the two do the same" in capsys.readouterr().err


def test_fix_leaves_what_a_decorator_may_have_registered(project, capsys, hash_password):
    original = (project / "auth" / "utils.py").read_text()
    decorated = original.replace("def hash", "@cached\ndef hash").replace(
        "import sha256", "import sha256\nfrom x import cached"
    )
    (project / "auth" / "utils.py").write_text(decorated)
    (project / "handlers.py").write_text(decorated)
    main(["scan", str(project), "--fix"])
    assert (project / "handlers.py").read_text() == decorated
    assert "its decorator may do more" in capsys.readouterr().err


def test_fix_makes_no_circular_import(project, capsys, hash_password):
    (project / "auth" / "utils.py").write_text(f"import between\nfrom hashlib import sha256\n\n\n{hash_password}")
    (project / "between.py").write_text("from handlers import VALUE\n")
    (project / "handlers.py").write_text(f"VALUE = 1\n\n\n{hash_password}")
    main(["scan", str(project), "--fix"])
    assert (project / "handlers.py").read_text() == f"VALUE = 1\n\n\n{hash_password}"
    assert "circular" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        ("", "{}\n"),
        ("#!/usr/bin/env python3\n# Handlers.\n\n\n", "#!/usr/bin/env python3\n# Handlers.\n\n{}\n"),
        ("#!/usr/bin/env python3\n# coding: utf-8\nX = 1\n", "#!/usr/bin/env python3\n# coding: utf-8\n\n{}\nX = 1\n"),
        ("#!/usr/bin/env python3\n# Of X.\nX = 1\n", "#!/usr/bin/env python3\n\n{}\n# Of X.\nX = 1\n"),
        ('# A\n"""B"""\nfrom __future__ import annotations\nX = 1\n',
         '# A\n"""B"""\nfrom __future__ import annotations\n{}\nX = 1\n'),
    ],
)  # fmt: skip
def test_fix_writes_the_import_below_what_must_come_first(project, hash_password, head, expected):
    (project / "handlers.py").write_text(head + hash_password)
    main(["scan", str(project), "--fix"])
    assert (project / "handlers.py").read_text() == expected.format("from auth.utils import hash_password")


def test_a_baseline_accepts_one_key_and_no_other(project, capsys, tmp_path):
    baseline = tmp_path / "accepted.json"
    first, second = "AKIA" + "QYLPMN5HFIQR7XYA", "AKIA" + "ZZLPMN5HFIQR7XYB"
    (project / "keys.py").write_text(f"ONE = '{first}'\n")
    main(["scan", str(project), "--write-baseline", str(baseline)])
    (project / "keys.py").write_text(f"import os\n\nONE = '{first}'\nTWO = '{second}'\n")
    _, found = scan_json(capsys, project, "--baseline", baseline)
    assert [(item["code"], item["line"]) for item in found] == [("VS404", 4)]
    assert first not in baseline.read_text() + json.dumps(found)


def test_a_baseline_accepts_one_swallowed_error_and_no_other(project, capsys, tmp_path):
    baseline = tmp_path / "accepted.json"
    old = "def one():\n    try:\n        load()\n    except Exception:\n        pass\n"
    (project / "loose.py").write_text(old)
    main(["scan", str(project), "--write-baseline", str(baseline)])
    same_function = "def one():\n    try:\n        save()\n    except Exception:\n        pass\n" + old[11:]
    (project / "loose.py").write_text(f"import os\n\n{same_function}\n\n{old.replace('one', 'two')}")
    _, found = scan_json(capsys, project, "--baseline", baseline)
    assert [(item["code"], item["line"]) for item in found] == [("VS402", 6), ("VS402", 17)]


def test_what_a_scan_remembers_is_lost_with_the_facts_it_was_made_of(project, capsys, monkeypatch):
    (project / "half.py").write_text("def f():\n    # ... rest of the code unchanged\n    return 1\n")
    scan_json(capsys, project)
    monkeypatch.setattr("vcr_sentinel.index_store.FORMAT", 0)
    monkeypatch.setattr("vcr_sentinel.rules_content.check", lambda _change: ())
    assert scan_json(capsys, project) == (0, [])


def test_a_project_whose_folder_cannot_be_written_is_scanned_all_the_same(project, capsys):
    (project / ".vcr").write_text("no folder can be made here")
    assert main(["scan", str(project)]) == 0
    told = capsys.readouterr()
    assert "nothing wrong" in told.out
    assert "the index is not kept" in told.err


def test_a_file_whose_name_is_not_utf_8_is_passed_over(project, capsys):
    try:
        Path(os.fsdecode(os.fsencode(project) + b"/\xff.py")).write_text("def f(:\n")
    except OSError:
        pytest.skip("this file system has no such names")
    assert scan_json(capsys, project) == (0, [])


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
