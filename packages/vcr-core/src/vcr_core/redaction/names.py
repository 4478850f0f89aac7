"""Which names (dict keys, headers, variables, form fields) say that the value beside them is a secret.

The same judgement serves trees and text. What the value must look like is the business of `assignments` and
`tree_redaction`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_SEPARATORS = re.compile(r"[^a-z0-9]+")

# `?` stands for an optional separator. Each entry ends a secret name; `token` and `key` have their own rules below.
_SECRET_ENDINGS = (
    *("password", "passwd", "passphrase", "passcode", "pwd", "passwords", "password?hash"),
    *("secret", "secret?value", "secret?key?base", "client?secrets", "app?secrets"),
    *("credential", "credentials", "creds"),
    *("authorization", "bearer", "cookie", "cookies", "basic?auth", "connection?string", "conn?str"),
    *("access?key?id", "x?amz?signature", "x?amz?credential", "x?goog?signature", "sig"),
)
_KEY_OWNERS = (
    *("api", "access", "private", "account", "secret", "signing", "sign", "encryption", "decryption", "master"),
    *("shared", "auth", "authentication", "service", "consumer", "application", "app", "client", "bot", "webhook"),
    *("deploy", "deployment", "ssh", "ssl", "tls", "server", "admin", "root", "service?role", "storage", "hmac"),
    *("aes", "rsa", "jwt", "session", "subscription", "license", "integration", "ingest", "project?api", "apim"),
    *("openai", "anthropic", "azure", "google", "gemini", "cohere", "mistral", "groq", "stripe", "aws", "datadog"),
    *("pinecone", "tavily", "serpapi", "langsmith", "langchain", "deepseek", "elevenlabs", "cloudflare", "huggingface"),
)
_ORDINARY_KEY_OWNERS = (
    *("primary", "public", "foreign", "sort", "partition", "cache", "hash", "range", "index", "unique", "composite"),
    *("default", "registry", "group", "row", "column", "object", "dict", "map", "json", "message", "event", "routing"),
    *("dedup", "deduplication", "idempotency", "lookup", "join", "natural", "surrogate", "parent", "child", "hot"),
    *("arrow", "enter", "any", "press", "shortcut", "translation", "i18n", "label", "config", "settings", "feature"),
    *("publishable", "storage?object", "s3", "metric", "state", "thread", "store", "field", "attribute", "step"),
)
_ORDINARY_TOKEN_OWNERS = (
    *("page", "next", "next?page", "prev", "previous", "previous?page", "prev?page", "continuation", "cursor", "sync"),
    *("pad", "padding", "eos", "bos", "unk", "sep", "cls", "mask", "stop", "special", "start", "end", "first", "last"),
    *("max", "min", "num", "total", "prompt", "completion", "input", "output", "cancellation", "cancel", "current"),
    *("per", "image", "audio", "text", "new", "lookahead", "syntax", "operator", "cost?per", "price?per", "usd?per"),
    *("reasoning", "cached", "word", "sub", "byte", "a", "the", "each", "every", "invalid", "expired", "missing"),
)
_PLURAL_TOKEN_OWNERS = ("access", "refresh", "auth", "api", "bearer", "session", "id", "oauth")


def _one_line(words: Iterable[str]) -> str:
    return "|".join(word.replace("?", "_?") for word in words)


_SECRET_NAME = re.compile(
    rf"(?:^|_)(?:(?:{_one_line(_SECRET_ENDINGS)})"
    rf"|(?:{_one_line(_KEY_OWNERS)})_?keys?"
    rf"|(?:\w*_)?tokens?(?:_value|_secret)?)$"
)
_GLUED_NAME = re.compile(
    rf"(?:{_one_line(_SECRET_ENDINGS[:4])}|(?:client|app)_?secret|(?:auth|access|refresh|bearer|[cx]srf)_?token|api_?key)$"
)
_ORDINARY_TOKEN = re.compile(rf"(?:^|_)(?:{_one_line(_ORDINARY_TOKEN_OWNERS)})_tokens?$")
_SECRET_PLURAL = re.compile(rf"(?:^|_)(?:{'|'.join(_PLURAL_TOKEN_OWNERS)})_tokens$")
_UPPER_KEY = re.compile(r"[A-Z0-9_]*[A-Z0-9]_KEY")
_ORDINARY_UPPER_KEY = re.compile(rf"(?:^|_)(?:{_one_line(_ORDINARY_KEY_OWNERS)})_key$")
_ORDINARY_NAMES = frozenset({"has_password", "forgot_password", "reset_password", "change_password", "no_password"})
_MAX_NAME = 128


def normalize_name(name: str) -> str:
    """Return `name` in lower case with words joined by `_`: `apiKey`, `API-Key` and `api key` become `api_key`."""
    return _SEPARATORS.sub("_", _CAMEL.sub("_", name).lower()).strip("_")


def is_secret_name(name: str) -> bool:
    """Tell whether the value under `name` is to be redacted, whatever it looks like.

    Counters (`max_tokens`), pagination (`next_page_token`) and identifiers (`primary_key`, `session_id`) are not.
    """
    if len(name) > _MAX_NAME:
        return False
    words = normalize_name(name)
    if words in _ORDINARY_NAMES:
        return False
    if _SECRET_NAME.search(words) or _GLUED_NAME.search(words):
        counter = words.endswith("tokens") and not _SECRET_PLURAL.search(words)
        return not counter and not _ORDINARY_TOKEN.search(words)
    return bool(_UPPER_KEY.fullmatch(name)) and not _ORDINARY_UPPER_KEY.search(words)


class SecretNames(dict[str, bool]):
    """A cache of judgements: `names[name]` tells whether the value under `name` is a secret."""

    def __init__(self, *, extra: Iterable[str] = (), allow: Iterable[str] = ()) -> None:
        super().__init__()
        self._extra = frozenset(normalize_name(name) for name in extra)
        self._allow = frozenset(normalize_name(name) for name in allow)

    _MAX_CACHED = 16_384

    def __missing__(self, name: str) -> bool:
        words = normalize_name(name) if self._extra or self._allow else ""
        verdict = words not in self._allow and (words in self._extra or is_secret_name(name))
        if len(self) < self._MAX_CACHED and len(name) <= _MAX_NAME:
            self[name] = verdict
        return verdict


# Looked for in text: the names above without those whose last letters end many ordinary words. What is left out (a
# connection string, a password's hash) is still a secret as a dict key.
_TEXT_WORDS = (
    *("password", "passwords", "passwd", "passphrase", "pwd", "secret", "token", "credential", "credentials", "creds"),
    *("authorization", "bearer", "cookie", "cookies", "basic?auth", "access?key?id", "sig"),
)
_TEXT_ENDINGS = (*_TEXT_WORDS, *(f"{owner}?key{plural}" for owner in _KEY_OWNERS for plural in ("", "s")))


def folded_endings() -> str:
    """Return a look-behind for the names looked for in text, before a `:`, in lower case and without spaces.

    It only looks at the last few letters, so it may match too much.
    """
    four = (
        "word",
        "ords",
        "sswd",
        "rase",
        "cret",
        "oken",
        "tial",
        "ials",
        "reds",
        "arer",
        "auth",
        "okie",
        "kies",
        "keys",
    )
    any_before = ("[a-z0-9_.-]key", r"[\s\S]pwd", r"[\s\S]sig", "y[_.-]id", "eyid")
    return rf":(?:(?<={'|'.join(f'{ending}:' for ending in (*four, *any_before))})|(?<=zation:))"


def backward_endings() -> str:
    """Return a regular expression of the name endings looked for in text, for text that is read from its end.

    Read backwards, a search begins at the rare `:` or `=` instead of at every letter. Whatever it finds is judged
    again by `is_secret_name`, so it may match too much.
    """
    variants = {variant[::-1] for word in _TEXT_ENDINGS for variant in _spellings(word)}
    return rf"(?:(?i:{_letter_tree(variants)})|YEK_[A-Z0-9])"


def _spellings(word: str) -> list[str]:
    head, mark, rest = word.partition("?")
    if not mark:
        return [head]
    return [head + joint + tail for tail in _spellings(rest) for joint in ("", "?")]


def _letter_tree(words: Iterable[str]) -> str:
    by_letter: dict[str, list[str]] = {}
    ends = False
    for word in words:
        if word:
            by_letter.setdefault(word[0], []).append(word[1:])
        else:
            ends = True
    if ends:
        return ""  # a shorter name is enough: the search only has to be complete
    parts = [
        (r"[_\-. ]" if letter == "?" else letter) + _letter_tree(rest) for letter, rest in sorted(by_letter.items())
    ]
    return parts[0] if len(parts) == 1 else f"(?:{'|'.join(parts)})"
