"""Secrets never reach the disk: finding them in states, replacing them, and filling them in again on resume.

`Redactor` is the way in. Only the standard library is used. Writing files and encoding states do not belong here.
"""

from __future__ import annotations

from vcr_core.redaction.filling import Resolver, UnresolvedSecretError
from vcr_core.redaction.key_file import ProjectKeyError, load_or_create_project_key
from vcr_core.redaction.placeholders import PlaceholderAt
from vcr_core.redaction.redactor import Redactor, SecretHit

__all__ = [
    "PlaceholderAt",
    "ProjectKeyError",
    "Redactor",
    "Resolver",
    "SecretHit",
    "UnresolvedSecretError",
    "load_or_create_project_key",
]
