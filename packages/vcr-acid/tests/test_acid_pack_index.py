"""What packs hold, asked for many objects at once, against git."""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path

import pytest

from vcr_acid.store.pack_index import find_packed
from vcr_acid.testing.judge import ENVIRONMENT, Judge


@pytest.mark.parametrize(("name", "length"), [("sha1", 20), ("sha256", 32)])
def test_packed_objects_are_found_and_no_others(name: str, length: int, tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", f"--object-format={name}", str(tmp_path)], check=True, env=ENVIRONMENT)
    blobs = b"".join(b"blob\ndata %d\n%d\n" % (len(str(number)), number) for number in range(9000))
    subprocess.run(["git", "fast-import", "--quiet"], cwd=tmp_path, input=blobs, check=True, env=ENVIRONMENT)
    ids = Judge(tmp_path)("cat-file", "--batch-all-objects", "--batch-check=%(objectname)").split()
    packed = [bytes.fromhex(one) for one in ids]
    assert len(packed) == 9000
    strangers = [hashlib.new(name, b"%d" % number).digest() for number in range(500)]
    # An id that stands in the index's bytes, but not at the place of an id.
    shifted = [one[1:] + other[:1] for one, other in zip(sorted(packed), sorted(packed)[1:], strict=False)][:300]
    objects = str(tmp_path / ".git" / "objects")
    for some in (packed[::45], packed):  # looked up one by one; read as a whole
        assert find_packed(objects, length, [*some, *strangers, *shifted]) == set(some)
    assert find_packed(objects, length, []) == set()
    assert find_packed(str(tmp_path / "nowhere"), length, packed) == set()


def test_a_damaged_or_lonely_index_knows_nothing(repository: Judge) -> None:
    repository("gc", "-q")
    [pack] = (repository.top / ".git/objects/pack").glob("*.pack")
    wanted = [bytes.fromhex(repository("rev-parse", "HEAD"))]
    objects = str(repository.top / ".git" / "objects")
    assert find_packed(objects, 20, wanted) == set(wanted)
    index = pack.with_suffix(".idx")
    index.chmod(0o600)
    whole = index.read_bytes()
    for damaged in (b"", whole[:100], whole[:1040], b"\xfftOc\0\0\0\3" + whole[8:]):
        index.write_bytes(damaged)
        assert find_packed(objects, 20, wanted) == set()
    index.write_bytes(whole)
    pack.unlink()
    assert find_packed(objects, 20, wanted) == set()
