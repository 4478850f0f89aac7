"""Nested repositories and submodules: recognising them and reading where their HEAD is.

Nothing here changes a nested repository; how its files are saved is ``scanner.trees``.
"""

from __future__ import annotations

import os

from vcr_acid.store.layout import read_git_link


def nested_head(directory: str) -> str | None:
    """The commit (hex) of a repository whose worktree is ``directory``.

    Returns:
        None if the directory is no repository, ``""`` if it is one without a commit.
    """
    link = os.path.join(directory, ".git")
    try:
        os.lstat(link)
    except OSError:
        return None
    git_dir = read_git_link(link)
    if git_dir is None:
        return None
    common = git_dir
    try:
        with open(os.path.join(git_dir, "commondir"), "rb") as stream:
            common = os.path.normpath(os.path.join(git_dir, os.fsdecode(stream.read().strip())))
    except OSError:
        pass
    return _resolve(git_dir, common, "HEAD")


def _resolve(git_dir: str, common: str, name: str) -> str:
    for _ in range(6):
        text = ""
        for root in (git_dir, common):
            try:
                with open(os.path.join(root, name), "rb") as stream:
                    text = os.fsdecode(stream.read(4096).strip())
                break
            except OSError:
                continue
        if not text:
            return _packed(common, name)
        if not text.startswith("ref: "):
            return text if _is_hex(text) else ""
        name = text[5:].strip()
    return ""


def _packed(common: str, name: str) -> str:
    try:
        with open(os.path.join(common, "packed-refs"), "rb") as stream:
            for line in stream:
                value, _, found = line.rstrip(b"\n").partition(b" ")
                if os.fsdecode(found) == name:
                    return value.decode("ascii", "replace")
    except OSError:
        pass
    return ""


def _is_hex(text: str) -> bool:
    return len(text) in (40, 64) and all(c in "0123456789abcdef" for c in text)
