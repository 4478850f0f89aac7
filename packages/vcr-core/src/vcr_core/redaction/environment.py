"""Which values of the process's environment are secrets, and in which forms they may come back.

Only names and values are judged here; looking for the values is the business of `prefilter` and `detector`.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple
from urllib.parse import quote

MIN_LENGTH = 8
_MAX_LENGTH = 65_536
_NAME = re.compile(r"KEY|TOKEN|SECRET|PASSWORD|PASSWD|PASSPHRASE|CREDENTIAL", re.IGNORECASE)
_ORDINARY_NAME = re.compile(
    r"KEYBOARD|KEYRING|KEYMAP|KEYWORD|KEYSERVER|KEYTAB|TOKENIZER|(?:MAX|NUM|MIN)_TOKENS?|PUBLIC_KEY"
    r"|_(?:PATH|PATHS|FILE|FILES|FILENAME|DIR|DIRECTORY|SOCK|SOCKET|ENDPOINT|HOST|PORT|REGION|NAME|USER|USERNAME|ALGORITHM"
    r"|ALG|TYPE|FORMAT|MODE|TTL|EXPIRY|TIMEOUT|LIMIT|COUNT|SIZE|LENGTH|PREFIX|SUFFIX|HEADER|VERSION|ENABLED|DISABLED)$",
    re.IGNORECASE,
)
_PATH = re.compile(r"(?:~|\.{1,2})?[/\\][\w.\-/\\ ]*|[A-Za-z]:[\\/].*|(?:file|https?|unix)://[^@]*", re.DOTALL)
_NUMBER = re.compile(r"[+-]?[0-9][0-9_.,:eE+\- ]*")
_ORDINARY_VALUES = frozenset(
    [
        "password",
        "passw0rd",
        "changeme",
        "changeit",
        "change_me",
        "secret123",
        "undefined",
        "disabled",
        "enabled",
        "production",
        "development",
        "staging",
        "localhost",
        "required",
        "optional",
        "username",
        "administrator",
        "anonymous",
        "plaintext",
        "keychain",
        "external",
        "internal",
        "readonly",
        "testing1",
        "test-key",
        "test_key",
        "test-token",
        "testtoken",
        "dummy-key",
        "dummykey",
        "placeholder",
        "not-needed",
        "notneeded",
        "your-api-key",
        "your_api_key",
    ]
)
URL_PASSWORD = re.compile(r"://[^\s:/@]{0,256}:([^\s/@]{1,512})@")
_PRINTABLE = re.compile(r"[ -~]+")
_UNESCAPED = re.compile(r"[ !#-\[\]-~]+")


class SecretValue(NamedTuple):
    """A value to look for. `core` is a part that no JSON escape changes and `printable` the stretch that holds it."""

    value: str
    printable: str
    core: str

    @property
    def searchable(self) -> bool:
        """Whether core and stretch are long enough to be looked for without decoding everything first."""
        return len(self.core) >= 4 and len(self.printable) >= MIN_LENGTH


def secret_values(env: Mapping[str, str]) -> list[SecretValue]:
    """Return the secrets among `env`'s values, each once, the longest first.

    A value counts when its variable's name speaks of a key, token, secret, password or credential and the value is no
    path, number, boolean or well-known word; of URLs with a password, the password counts under any name.
    """
    found: dict[str, None] = {}
    for name, value in env.items():
        if _NAME.search(name) and not _ORDINARY_NAME.search(name) and is_secret_value(value):
            found[value] = None
        else:
            for password in URL_PASSWORD.findall(value[:_MAX_LENGTH]):
                if is_secret_value(password):
                    found[password] = None
    return [describe_value(value) for value in sorted(found, key=len, reverse=True)]


def is_secret_value(value: str) -> bool:
    """Tell whether a value is long and peculiar enough to be looked for everywhere."""
    return (
        MIN_LENGTH <= len(value) <= _MAX_LENGTH
        and len(set(value)) > 2
        and not value.isspace()
        and value.lower() not in _ORDINARY_VALUES
        and not _NUMBER.fullmatch(value)
        and not _PATH.fullmatch(value)
        and "[REDACTED:" not in value
    )


def describe_value(value: str) -> SecretValue:
    """Return `value` with the parts by which it is looked for."""
    printable = max(_PRINTABLE.findall(value), key=len, default="")
    core = max(_UNESCAPED.findall(printable), key=len, default="")
    return SecretValue(value, printable, core)


def encoded_forms(value: str) -> Iterator[str]:
    """Yield `value` and the usual encodings of it, for filling placeholders again."""
    data = value.encode("utf-8", "surrogatepass")
    yield value
    for scheme in ("Bearer ", "bearer ", "Basic ", "Token ", "token ", "ApiKey "):
        yield scheme + value
    for coded in (base64.b64encode(data), base64.urlsafe_b64encode(data)):
        yield coded.decode()
        yield coded.decode().rstrip("=")
    yield data.hex()
    yield data.hex().upper()
    yield quote(data, safe="")
    yield quote(data)
    for ascii_only in (True, False):
        escaped = value
        for _level in range(4):
            escaped = json.dumps(escaped, ensure_ascii=ascii_only)[1:-1]
            yield escaped
