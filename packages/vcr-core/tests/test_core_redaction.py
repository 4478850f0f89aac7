"""The redactor's promises: names, values, false positives, completeness of the quick test, filling, scanning, time."""

from __future__ import annotations

import base64
import json
import os
import pickle
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vcr_core.redaction import Redactor, UnresolvedSecretError
from vcr_core.redaction.environment import secret_values

KEY = b"k" * 32
TAU_BENCH = Path(__file__).resolve().parents[4] / "shared" / "data" / "tau-bench-airline.json"
FULL = os.environ.get("VCR_FULL") == "1"
TOKEN = "gh" + "p_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"
PASSWORD = "corr3ct-horse"


@pytest.fixture(scope="module")
def redactor() -> Redactor:
    return Redactor(key=KEY, env={"APP_PASSWORD": PASSWORD, "HOME": "/home/someone", "APP_MODE": "production"})


SECRET_NAMES = [
    "authorization",
    "Proxy-Authorization",
    "cookie",
    "Set-Cookie",
    "x-api-key",
    "X-API-Key",
    "api_key",
    "apiKey",
    "api-key",
    "APIKEY",
    "OPENAI_API_KEY",
    "password",
    "passwd",
    "pwd",
    "passphrase",
    "db_password",
    "userPassword",
    "PGPASSWORD",
    "secret",
    "client_secret",
    "clientSecret",
    "access_token",
    "refreshToken",
    "id_token",
    "auth_token",
    "_authToken",
    "bearer",
    "private_key",
    "privateKey",
    "credential",
    "credentials",
    "GITHUB_TOKEN",
    "token",
    "aws_secret_access_key",
    "AWS_ACCESS_KEY_ID",
    "connection_string",
    "ConnectionString",
    "SOMEVENDOR_KEY",
    "X-Auth-Token",
    "AccountKey",
    "x-amz-security-token",
    "SharedAccessKey",
    "access_tokens",
    "api_keys",
    "SECRET_KEY_BASE",
    "csrf_token",
    "MYSQL_PWD",
]
ORDINARY_NAMES = [
    "tokens",
    "max_tokens",
    "token_count",
    "tokens_used",
    "prompt_tokens",
    "completion_tokens",
    "total_tokens",
    "tokens_input",
    "cached_tokens",
    "next_page_token",
    "nextPageToken",
    "pageToken",
    "token_type",
    "tokenizer",
    "pad_token",
    "key",
    "keys",
    "primary_key",
    "PRIMARY_KEY",
    "public_key",
    "CACHE_KEY",
    "sort_key",
    "idempotency_key",
    "cache_key",
    "author",
    "authored",
    "authors",
    "authority",
    "secretary",
    "session_id",
    "keyboard",
    "keywords",
    "monkey",
    "passenger",
    "passengers",
    "compass",
    "description",
    "tool_call_id",
    "signature",
    "design",
    "secret_name",
    "password_policy",
    "password_length",
    "has_password",
    "cookie_policy",
    "name",
    "content",
]


@pytest.mark.parametrize("name", SECRET_NAMES)
def test_secret_names_are_known(name: str, redactor: Redactor) -> None:
    assert redactor.is_secret_key(name)


@pytest.mark.parametrize("name", ORDINARY_NAMES)
def test_ordinary_names_are_left_alone(name: str, redactor: Redactor) -> None:
    assert not redactor.is_secret_key(name)


def test_names_can_be_added_and_allowed() -> None:
    redactor = Redactor(key=KEY, env={}, extra_keys=["pin-code"], allow_keys=["csrf_token"])
    assert redactor.is_secret_key("pinCode")
    assert not redactor.is_secret_key("csrfToken")


@pytest.mark.parametrize(
    "text",
    [
        "The password must be reset; password: required, at least 8 characters.",
        "max_tokens=4096, temperature: 0.2, prompt_tokens: 1234567890",
        "token = get_token(user)  # password=os.environ['DB_PASSWORD']",
        "def login(user: str, password: str, token: Optional[str] = None) -> Session:",
        "api_key=settings.api_key, secret: Secret, token=self.token",
        'export API_KEY="$MY_KEY"; export TOKEN=${TOKEN}; PASSWORD=<your password>',
        '{"type": "object", "properties": {"password": {"type": "string"}, "token": {"type": "string"}}}',
        "see https://example.com/a:b@c and mail@example.com, ssh git@github.com:org/repo.git",
        "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "id 123e4567-e89b-12d3-a456-426614174000 call_Xh3kLmN0pQrStUvWxYz12345 task-force-something-very-long",
        "the key: value store, a secret: nobody knows, cookies: chocolate chip",
        "path/to/some/deeply/nested/module_with_long_name/implementation_details.py",
        base64.b64encode(b"an ordinary sentence, nothing to hide in it at all").decode(),
        "SK and AKIA are prefixes; sk-something is not a key, hf_hub_download_with_retries is a function",
    ],
)
def test_ordinary_text_is_left_alone(text: str, redactor: Redactor) -> None:
    assert redactor.redact_text(text) == text
    tree = {"content": text, "nested": [json.dumps({"content": text})]}
    assert redactor.redact_tree(tree) is tree


def test_values_that_cannot_be_secrets_stay_under_secret_names(redactor: Redactor) -> None:
    tree = {
        "api_key": None,
        "password": "",
        "token": True,
        "secret": 12345,
        "auth_token": redactor.redact_value("x" * 20),
        "parameters": {"password": {"type": "string", "description": "The password of the user"}},
        "stream": [
            {"token": " continuing"},
            {"token": "Hello", "logprob": -0.1},
            {"token": "Internationalization1", "logprob": 0},
        ],
        "pwd": "/home/someone/project",
        "expiry": {"credentials": {"expires": {"$vcr": "datetime", "v": "2030-01-01T00:00:00"}}},
        "fields": ["password", "token"],
    }
    assert redactor.redact_tree(tree) is tree


def test_a_container_under_a_secret_name_keeps_its_shape(redactor: Redactor) -> None:
    tree = {
        "credentials": {"user": "ann", "codes": ["abc", 7, None]},
        "env": [{"name": "DB_PASSWORD", "value": "x1y2z3"}],
    }
    redacted = redactor.redact_tree(tree)
    assert redacted["credentials"]["codes"][1:] == [7, None]
    assert redacted["credentials"]["user"] == redactor.redact_value("ann")
    assert redacted["env"][0] == {"name": "DB_PASSWORD", "value": redactor.redact_value("x1y2z3")}


def test_only_the_way_to_a_change_is_copied(redactor: Redactor) -> None:
    kept = {"big": ["x"] * 10}
    tree = {"kept": kept, "changed": [{"content": f"use {TOKEN}"}]}
    before = json.dumps(tree)
    redacted = redactor.redact_tree(tree)
    assert redacted["kept"] is kept
    assert json.dumps(tree) == before


def test_very_deep_trees_are_redacted(redactor: Redactor) -> None:
    tree: Any = TOKEN
    for _ in range(20_000):
        tree = [tree]
    redacted = redactor.redact_tree(tree)
    for _ in range(20_000):
        redacted = redacted[0]
    assert redacted == redactor.redact_value(TOKEN)


def test_bytes_stay_bytes(redactor: Redactor) -> None:
    raw = b"\xff\x00 token " + TOKEN.encode() + b" \xfe"
    tree = {"body": {"$vcr": "bytes", "v": base64.b64encode(raw).decode()}}
    redacted = redactor.redact_tree(tree)
    assert redacted["body"]["$vcr"] == "bytes"
    assert base64.b64decode(redacted["body"]["v"]) == raw.replace(TOKEN.encode(), redactor.redact_value(TOKEN).encode())
    assert redactor.fill(redacted, lambda *_: TOKEN) == tree


def test_placeholders_compare_within_a_project_only(redactor: Redactor) -> None:
    other = Redactor(key=b"o" * 32, env={})
    assert redactor.redact_value(TOKEN) == Redactor(key=KEY, env={}).redact_value(TOKEN)
    assert redactor.redact_value(TOKEN) != other.redact_value(TOKEN)
    assert redactor.redact_value(TOKEN) != redactor.redact_value(TOKEN + "x")


def test_the_environment_decides_by_name_and_by_value() -> None:
    env = {
        "A_KEY": "real-secret-1",
        "B_TOKEN": "short",
        "C_SECRET": "/run/secrets/c",
        "D_PASSWORD": "production",
        "E_TOKEN": "123456789012",
        "SSH_AUTH_SOCK": "/tmp/agent.sock",
        "KEY_FILE": "secret-file.pem",
        "TOKENIZERS_PARALLELISM": "falsehood",
        "DATABASE_URL": "postgres://app:s3cret-in-url@db/x",
        "HOME": "real-secret-9",
        "F_CREDENTIALS": "undefined",
    }
    assert {value.value for value in secret_values(env)} == {"real-secret-1", "s3cret-in-url"}


def test_the_environment_can_be_read_again() -> None:
    redactor = Redactor(key=KEY, env={})
    assert redactor.redact_text("it is peculiar-value-9") == "it is peculiar-value-9"
    redactor.refresh({"NEW_TOKEN": "peculiar-value-9"})
    assert "peculiar" not in redactor.redact_text("it is peculiar-value-9")


def test_extra_patterns_are_found_everywhere() -> None:
    redactor = Redactor(key=KEY, env={}, extra_patterns=[("employee", r"EMP\d{4}")])
    tree = {"a": json.dumps({"b": "see EMP1234 there"}), "c": base64.b64encode(b"see EMP1234 there").decode()}
    assert redactor.may_contain(msgspec.json.encode(tree))
    redacted = redactor.redact_tree(tree)
    assert "EMP1234" not in json.dumps(redacted)
    assert "[REDACTED:employee:" in redacted["a"]
    assert "[REDACTED:secret:" in redacted["c"]


def test_the_rest_of_the_text_is_kept(redactor: Redactor) -> None:
    text = f"curl -H 'Authorization: Bearer {TOKEN}' https://user:{PASSWORD}@host/?a=1 # then"
    expected = text.replace(TOKEN, redactor.redact_value(TOKEN)).replace(PASSWORD, redactor.redact_value(PASSWORD))
    assert redactor.redact_text(text) == expected


def _messages() -> list[dict[str, Any]]:
    if not TAU_BENCH.exists():
        pytest.skip(f"the tau-bench data is not beside this checkout ({TAU_BENCH.name})")
    return [message for run in json.loads(TAU_BENCH.read_text("utf-8")) for message in run["traj"]]


def test_real_conversations_are_left_alone(redactor: Redactor) -> None:
    messages = _messages()
    altered = [message for message in messages if redactor.redact_tree(message) is not message]
    suspected = [message for message in messages if redactor.may_contain(msgspec.json.encode(message))]
    print(f"{len(messages)} messages: {len(altered)} altered, {len(suspected)} suspected")
    assert len(altered) <= len(messages) // 100
    assert len(suspected) <= len(messages) // 50


# Completeness and idempotence, on texts that are made of what secrets are made of.
WORDS = (
    "password Password api_key API_KEY token secret user Authorization Cookie key export assword hunter2x 12345678 v"
)
MARKS = '= : " \' \\ \\" / :// @ % & ? { } [ ] , ; _ - . é %20 %3D \\u003d \\u0041 $vcr bytes a1b2c3d4e5f60718'
PARTS = [
    *(
        TOKEN,
        TOKEN[:20],
        PASSWORD,
        PASSWORD[:7],
        "sk" + "-proj-",
        "AK" + "IA",
        "ABCDEFGHIJ234567",
        "eyJhbGciOiJI",
        ".eyJzdWIi",
    ),
    *(" = ", ": ", "\n", "\t", " ", "Bearer ", "Basic ", "assword is ", "\U0001f600", "\x00"),
    *("[REDACTED:secret:0123456789ab]", "[REDACTED:", "-----BEGIN PRIVATE" + " KEY-----"),
]
PIECES = st.sampled_from([*WORDS.split(" "), *MARKS.split(" "), *PARTS])
PLAIN_TEXTS = st.one_of(st.lists(PIECES, max_size=12).map("".join), st.text(max_size=20))


def _code(text: str, codings: list[int]) -> str:
    coders: list[Callable[[str], str]] = [
        lambda t: json.dumps({"x": t}),
        lambda t: json.dumps({"x": t}, ensure_ascii=False),
        lambda t: "y=" + "".join(c if c.isalnum() else "".join(f"%{b:02X}" for b in c.encode()) for c in t),
        lambda t: "z " + base64.b64encode(t.encode("utf-8", "surrogatepass")).decode(),
        lambda t: base64.urlsafe_b64encode(b"q" + t.encode("utf-8", "surrogatepass")).decode().rstrip("="),
        lambda t: t.encode("utf-8", "surrogatepass").hex(),
        lambda t: base64.encodebytes(t.encode("utf-8", "surrogatepass")).decode(),
    ]
    for coding in codings:
        text = coders[coding](text)
    return text


TEXTS = st.builds(_code, PLAIN_TEXTS, st.lists(st.integers(0, 6), max_size=3))
TREES = st.recursive(
    TEXTS | st.none() | st.integers(0, 9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(PLAIN_TEXTS, inner, max_size=3),
    max_leaves=6,
)
EXAMPLES = settings(max_examples=2_000 if FULL else 200, deadline=None)
ENVIRONMENTS = [{}, {"A_PASSWORD": PASSWORD}, {"A_TOKEN": 'ab1é"\\\nxyz-9'}, {"A_KEY": 's#9"q\\w!zzz+/=é'}]
REDACTORS = [Redactor(key=KEY, env=env) for env in ENVIRONMENTS]


def _without_secret_names(tree: Any, redactor: Redactor) -> bool:
    if isinstance(tree, dict):
        named = any(redactor.is_secret_key(name) for name in tree) or {"name", "key", "header"} & set(tree)
        return not named and all(_without_secret_names(value, redactor) for value in tree.values())
    if isinstance(tree, list):
        paired = len(tree) == 2 and isinstance(tree[0], str) and redactor.is_secret_key(tree[0])
        return not paired and all(_without_secret_names(value, redactor) for value in tree)
    return True


@EXAMPLES
@given(TREES, st.sampled_from(REDACTORS))
def test_what_the_quick_test_passes_holds_no_secret(tree: Any, redactor: Redactor) -> None:
    if not redactor.may_contain(msgspec.json.encode(tree)) and _without_secret_names(tree, redactor):
        assert _search_everything(tree, redactor) == tree


def _search_everything(tree: Any, redactor: Redactor) -> Any:
    """Redact with the full search on every string, so that the quick test cannot hide what it overlooks."""
    if isinstance(tree, str):
        return "changed" if redactor.scan_text(tree) else tree
    if isinstance(tree, list):
        return [_search_everything(value, redactor) for value in tree]
    if isinstance(tree, dict):
        return {_search_everything(k, redactor): _search_everything(v, redactor) for k, v in tree.items()}
    return tree


@pytest.mark.parametrize("before", ["\x00", "\x07", "\x1f", "é", "密", "\u2028", "\U0001f600", "\n", "\\"])
@pytest.mark.parametrize("codings", [[], [0], [0, 0], [1], [1, 0]], ids=str)
def test_an_escaped_character_before_a_secret_does_not_hide_it(before: str, codings: list[int]) -> None:
    text = _code(f"the token is {before}{TOKEN}", codings)
    assert REDACTORS[0].may_contain(msgspec.json.encode({"text": text}))
    assert TOKEN not in REDACTORS[0].redact_text(text)


@EXAMPLES
@given(TREES, st.sampled_from(REDACTORS))
def test_a_tree_that_neither_holds_nor_announces_a_secret_is_left_as_it_is(tree: Any, redactor: Redactor) -> None:
    if not redactor.may_contain(msgspec.json.encode(tree)) and not redactor.announces(tree):
        assert redactor.redact_tree(tree) is tree


@EXAMPLES
@given(TREES, st.sampled_from(REDACTORS))
def test_redacting_twice_changes_nothing_more(tree: Any, redactor: Redactor) -> None:
    once = redactor.redact_tree(tree)
    assert redactor.redact_tree(once) == once


@EXAMPLES
@given(st.text(alphabet=st.characters(codec="utf-8", categories=["L", "Zs", "P"]), max_size=200))
def test_words_and_punctuation_are_left_alone(text: str) -> None:
    if ":" not in text and "=" not in text and "@" not in text:
        assert REDACTORS[0].redact_text(text) == text


@EXAMPLES
@given(PLAIN_TEXTS, st.lists(st.integers(0, 6), max_size=2))
def test_an_environment_value_survives_in_no_coding(text: str, codings: list[int]) -> None:
    coded = _code(text + " " + PASSWORD + " " + text, codings)
    redactor = REDACTORS[1]
    assert redactor.may_contain(msgspec.json.encode([coded]))
    redacted = redactor.redact_text(coded)
    assert PASSWORD not in redacted
    assert redacted != coded


class TestFilling:
    def test_the_environment_fills_what_it_held(self, redactor: Redactor) -> None:
        state = {
            "config": {"api_key": PASSWORD, "note": f"see {PASSWORD}!"},
            "sent": [base64.b64encode(PASSWORD.encode()).decode(), f"Authorization: Bearer {PASSWORD}"],
            f"seen {PASSWORD}": 1,
            "headers": {"Authorization": f"Bearer {PASSWORD}"},
        }
        redacted = redactor.redact_tree(state)
        assert PASSWORD not in json.dumps(redacted)
        assert redactor.fill(redacted) == state

    def test_a_resolver_fills_the_rest(self, redactor: Redactor) -> None:
        redacted = redactor.redact_tree({"a": [{"token": TOKEN}]})
        asked: list[tuple[str, str, str]] = []

        def resolve(kind: str, digest: str, path: str) -> str:
            asked.append((kind, digest, path))
            return TOKEN

        assert redactor.fill(redacted, resolve) == {"a": [{"token": TOKEN}]}
        [placeholder] = redactor.find_placeholders(redacted)
        assert asked == [("github", placeholder.digest, "/a/0/token")]

    @pytest.mark.parametrize("resolver", [None, lambda *_: None, lambda *_: "another-secret"])
    def test_what_cannot_be_filled_is_named(self, redactor: Redactor, resolver: Any) -> None:
        redacted = redactor.redact_tree({"a/b": [{"token": TOKEN}]})
        with pytest.raises(UnresolvedSecretError, match="/a~1b/0/token") as caught:
            redactor.fill(redacted, resolver)
        assert (caught.value.path, caught.value.kind) == ("/a~1b/0/token", "github")
        copy = pickle.loads(pickle.dumps(caught.value))
        assert str(copy) == str(caught.value)

    def test_a_tree_without_placeholders_is_returned_itself(self, redactor: Redactor) -> None:
        tree = {"a": ["b"]}
        assert redactor.fill(tree) is tree


class TestScanning:
    def test_hits_name_kind_and_place_and_hide_the_secret(self, redactor: Redactor) -> None:
        text = f"é first {TOKEN} then password={PASSWORD}\n"
        data = text.encode()
        hits = redactor.scan_bytes(b"\xff" + data)
        assert [hit.kind for hit in hits] == ["github", "secret"]
        assert [(b"\xff" + data)[hit.start : hit.end].decode() for hit in hits] == [TOKEN, PASSWORD]
        assert all(TOKEN not in hit.preview and PASSWORD not in hit.preview for hit in hits)
        assert "first" in hits[0].preview
        assert [text[hit.start : hit.end] for hit in redactor.scan_text(text)] == [TOKEN, PASSWORD]

    def test_clean_text_has_none(self, redactor: Redactor) -> None:
        assert redactor.scan_text("nothing to see in this sentence") == []


HOSTILE = {
    "letters": "a",
    "prefixes": "sk" + "-",
    "jwt-starts": "eyJ" + "-",
    "jwt-dots": "eyJaaaaaaaaaa.",
    "github": "gh" + "p_a",
    "assignments": "password=",
    "quoted-names": '"password":"',
    "open-quotes": 'password="\\',
    "schemes": "Bearer ",
    "urls": "://a:",
    "ats": "@://a",
    "pem-begins": "-----BEGIN PRIVATE" + " KEY-----\n",
    "percent": "%41",
    "percent-percent": "%25",
    "backslashes": "\\",
    "escapes": "\\u0041",
    "lines": "A" * 64 + "\n",
    "base64-of-text": base64.b64encode(b"some plain words ").decode().rstrip("="),
    "base64-groups": "YWFhYWFh-",
    "hex": "61",
    "dots": "a.",
    "cookies": "cookie: a=b ",
    "digits": "1",
    "equals": "=",
    "placeholders": "[REDACTED:secret:0123456789ab]",
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_time_is_linear_in_hostile_text(kind: str, redactor: Redactor) -> None:
    """A quadratic search would take 64 times as long for 8 times the text."""
    size = 1_000_000 if FULL else 240_000

    def best(length: int) -> float:
        text = (HOSTILE[kind] * (length // len(HOSTILE[kind]) + 1))[:length]
        data = text.encode()
        times = []
        for _ in range(2):
            start = time.process_time()
            redactor.may_contain(data)
            redactor.scan_text(text)
            times.append(time.process_time() - start)
        return min(times)

    assert best(size) / best(size // 8) < 24
