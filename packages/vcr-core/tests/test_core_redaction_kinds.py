"""Every kind of secret, in every place and coding: nothing of it is left, and the quick test never overlooks it."""

from __future__ import annotations

import base64
import json
import random
import string
from typing import Any, NamedTuple
from urllib.parse import quote

import msgspec
import pytest

from vcr_core.redaction import Redactor

KEY = bytes(range(32))
LOWER_HEX = "0123456789abcdef"
ALNUM = string.ascii_letters + string.digits
WORD = ALNUM + "-_"
BASE64 = ALNUM + "+/"
UPPER = string.ascii_uppercase + "234567"


class Sample(NamedTuple):
    name: str  # a key that says what stands under it
    secret: str
    text: str  # how it stands in plain text


def draw(random_: random.Random, size: int, letters: str) -> str:
    """Characters that begin with a letter and a digit, and end with one: every real key has both."""
    middle = "".join(random_.choice(letters) for _ in range(size - 3))
    first = next(c for c in letters if c.isalpha())
    return first + "7" + middle + "4" if letters != UPPER else "A7" + middle + "4"


def _shaped() -> dict[str, tuple[str, str]]:
    """Return kind -> (key name, secret), built from parts so that no secret stands in this file."""
    r = random.Random(20)

    def d(size: int, letters: str = ALNUM) -> str:
        return draw(r, size, letters)

    def hexa(size: int) -> str:
        return d(size, LOWER_HEX)

    jwt = [
        base64.urlsafe_b64encode(part.encode()).decode().rstrip("=")
        for part in ('{"alg":"HS256"}', '{"sub":"1234567"}')
    ]
    dash = "-"
    kinds = {
        "openai": ("sk" + dash, 48, ALNUM),
        "openai-project": ("sk" + "-proj-", 90, WORD),
        "anthropic": ("sk" + "-ant-api03-", 90, WORD),
        "openrouter": ("sk" + "-or-v1-", 64, LOWER_HEX),
        "google": ("AI" + "za", 35, WORD),
        "google-oauth": ("GOC" + "SPX-", 28, WORD),
        "google-access": ("ya" + "29.", 60, WORD),
        "huggingface": ("h" + "f_", 34, ALNUM),
        "replicate": ("r" + "8_", 37, ALNUM),
        "groq": ("gs" + "k_", 52, ALNUM),
        "perplexity": ("ppl" + "x-", 48, ALNUM),
        "xai": ("xa" + "i-", 80, ALNUM),
        "nvidia": ("nva" + "pi-", 64, WORD),
        "together": ("tgp" + "_v1_", 43, WORD),
        "langsmith": ("lsv" + "2_pt_", 43, LOWER_HEX + "_"),
        "tavily": ("tv" + "ly-", 32, ALNUM),
        "pinecone": ("pc" + "sk_", 60, ALNUM + "_"),
        "aws-id": ("AK" + "IA", 16, UPPER),
        "github-classic": ("gh" + "p_", 36, ALNUM),
        "github-oauth": ("gh" + "o_", 36, ALNUM),
        "github-server": ("gh" + "s_", 36, ALNUM),
        "github-fine": ("github" + "_pat_", 82, ALNUM + "_"),
        "gitlab": ("glp" + "at-", 20, WORD),
        "slack-bot": ("xo" + "xb-", 50, string.digits + string.ascii_letters + "-"),
        "slack-webhook": ("hooks.slack" + ".com/services/", 44, ALNUM + "/"),
        "stripe": ("sk" + "_live_", 24, ALNUM),
        "stripe-restricted": ("rk" + "_live_", 24, ALNUM),
        "stripe-webhook": ("wh" + "sec_", 32, ALNUM),
        "twilio": ("S" + "K", 32, LOWER_HEX),
        "mailgun": ("ke" + "y-", 32, LOWER_HEX),
        "digitalocean": ("do" + "p_v1_", 64, LOWER_HEX),
        "npm": ("np" + "m_", 36, ALNUM),
        "pypi": ("py" + "pi-", 160, WORD),
        "docker": ("dck" + "r_pat_", 27, WORD),
        "databricks": ("da" + "pi", 32, LOWER_HEX),
        "notion": ("nt" + "n_", 46, ALNUM),
        "notion-old": ("sec" + "ret_", 43, ALNUM),
        "linear": ("lin" + "_api_", 40, ALNUM),
        "figma": ("fi" + "gd_", 40, WORD),
        "shopify": ("shp" + "at_", 32, LOWER_HEX),
        "square": ("sq0" + "atp-", 22, WORD),
        "postman": ("PM" + "AK-", 59, LOWER_HEX + "-"),
        "new-relic": ("NR" + "AK-", 27, string.ascii_uppercase + string.digits),
        "sentry": ("snt" + "rys_", 80, ALNUM + "_"),
        "supabase": ("sb" + "p_", 40, LOWER_HEX),
        "doppler": ("dp" + ".pt.", 43, ALNUM),
        "vault": ("hv" + "s.", 90, WORD),
        "age": ("AGE-SECRET" + "-KEY-1", 58, UPPER),
        "grafana": ("gl" + "sa_", 41, ALNUM + "_"),
        "tailscale": ("tsk" + "ey-auth-", 30, ALNUM + "-"),
        "resend": ("r" + "e_", 8, ALNUM),
        "planetscale": ("pscale" + "_tkn_", 43, WORD),
    }
    made = {kind: ("api_key", prefix + d(size, letters)) for kind, (prefix, size, letters) in kinds.items()}
    made["resend"] = ("api_key", made["resend"][1] + "_" + d(24))
    made["sendgrid"] = ("SENDGRID_API_KEY", "SG" + "." + d(22, WORD) + "." + d(43, WORD))
    made["discord"] = ("bot_token", "M" + d(23) + "." + d(6, WORD) + "." + d(38, WORD))
    made["telegram"] = ("TELEGRAM_BOT_TOKEN", "9876543210" + ":" + "A" + "A" + d(33, WORD))
    made["mailchimp"] = ("mailchimpApiKey", hexa(32) + "-u" + "s14")
    made["azure-client"] = ("client_secret", d(3) + "8" + "Q~" + d(34))
    made["jwt"] = ("id_token", ".".join([*jwt, d(43, WORD)]))
    made["discord-webhook"] = ("webhook_secret", "discord.com/api/" + "webhooks/123456789012/" + d(60, WORD))
    return made


def _private_key(label: str, random_: random.Random) -> str:
    body = "\n".join(draw(random_, 64, BASE64) for _ in range(6))
    return f"-----BEGIN {label}-----\n{body}\n-----END {label}-----"


def _contextual() -> dict[str, Sample]:
    """Return kinds that only the words around them give away."""
    r = random.Random(21)

    def d(size: int, letters: str = ALNUM) -> str:
        return draw(r, size, letters)

    cohere, mistral, datadog, cloudflare = d(40), d(32), d(32, LOWER_HEX), d(40, WORD)
    aws, azure, password, session = d(40, BASE64), d(86, BASE64) + "==", "hunter" + "2-Correct", d(32)
    token, basic = d(30), base64.b64encode(b"admin:" + d(16).encode()).decode()
    rsa, openssh = _private_key("RSA PRIVATE" + " KEY", r), _private_key("OPENSSH PRIVATE" + " KEY", r)
    pgp, plain = _private_key("PGP PRIVATE" + " KEY BLOCK", r), _private_key("PRIVATE" + " KEY", r)
    return {
        "cohere": Sample("COHERE_API_KEY", cohere, f"COHERE_API_KEY={cohere}"),
        "mistral": Sample("mistralApiKey", mistral, f"export MISTRAL_API_KEY='{mistral}'"),
        "datadog": Sample("DD-API-KEY", datadog, f"curl -H 'DD-API-KEY: {datadog}' https://api.example.com"),
        "cloudflare": Sample("CLOUDFLARE_API_TOKEN", cloudflare, f'cloudflare_api_token = "{cloudflare}"'),
        "aws-secret": Sample("aws_secret_access_key", aws, f"aws_secret_access_key = {aws}"),
        "azure-storage": Sample("AccountKey", azure, f"DefaultEndpointsProtocol=https;AccountKey={azure};X=1"),
        "password": Sample("password", password, f"db: user=app password={password} host=db"),
        "password-said": Sample("userPassword", password, f"My password is {password}, please log in"),
        "yaml": Sample("passphrase", password, f"user: app\npassphrase: {password}\nhost: db"),
        "url-credentials": Sample("db_password", password, f"postgresql://app:{password}@db.example.com/x"),
        "query": Sample("access_token", session, f"GET https://x.example.com/a?b=1&access_token={session}&c=2"),
        "bearer": Sample("Authorization", token, f"Authorization: Bearer {token}"),
        "basic": Sample("Proxy-Authorization", basic, f"proxy-authorization: Basic {basic}"),
        "cookie": Sample("Set-Cookie", session, f"Cookie: theme=dark; session={session}"),
        "rsa-key": Sample("private_key", rsa, f"key:\n{rsa}\nend"),
        "openssh-key": Sample("ssh_key", openssh, f"{openssh}\n"),
        "pgp-key": Sample("privateKey", pgp, pgp),
        "service-account": Sample("private_key", plain, json.dumps({"type": "service_account", "private_key": plain})),
        "json": Sample("refresh_token", session, json.dumps({"user": "a", "refresh_token": session})),
        "environment": Sample("note", "Tr0ub4dor" + "-and-3", "it is Tr0ub4dor" + "-and-3 I think"),
        "environment-odd": Sample("note", 'qu"ote\\back' + "-ünï99", 'it is qu"ote\\back' + "-ünï99 I think"),
    }


SAMPLES = {
    **{kind: Sample(name, secret, f"please use {secret} for it") for kind, (name, secret) in _shaped().items()},
    **_contextual(),
}
ENV = {"FIRST_TOKEN": SAMPLES["environment"].secret, "SECOND_PASSWORD": SAMPLES["environment-odd"].secret}


def _encode(text: str, *, shift: int = 0, urlsafe: bool = False) -> str:
    data = b"~" * shift + text.encode()
    return (base64.urlsafe_b64encode(data) if urlsafe else base64.b64encode(data)).decode()


def _nest(value: Any, levels: int) -> str:
    text = json.dumps(value)
    for _ in range(levels):
        text = json.dumps({"arguments": text, "n": 1})
    return text


PLACES = {
    "key": lambda s: {"config": {s.name: s.secret}},
    "key-nested": lambda s: {"calls": [{"args": _nest({s.name: s.secret}, 2)}]},
    "pair": lambda s: {"headers": [["accept", "json"], [s.name, s.secret]]},
    "text": lambda s: {"messages": [{"role": "user", "content": s.text}]},
    "dict-key": lambda s: {"seen": {s.text: 1}},
    "nested": lambda s: {"a": [{"b": [[{"c": s.text}]]}]},
    "json-escaped": lambda s: {"args": _nest({"cmd": s.text}, 0)},
    "json-escaped-3": lambda s: {"args": _nest({"cmd": s.text}, 3)},
    "url": lambda s: {"body": "text=" + quote(s.text, safe="")},
    "url-twice": lambda s: {"body": "text=" + quote(quote(s.text, safe=""), safe="")},
    "base64": lambda s: {"blob": _encode(s.text)},
    "base64-1": lambda s: {"blob": "data:text/plain;base64," + _encode(s.text, shift=1)},
    "base64-2": lambda s: {"blob": "x " + _encode(s.text, shift=2).rstrip("=") + " y"},
    "base64-urlsafe": lambda s: {"blob": _encode(s.text, urlsafe=True)},
    "base64-long": lambda s: {"blob": _encode("lorem ipsum dolor " * 40 + s.text + " sit amet" * 40)},
    "base64-lines": lambda s: {"blob": base64.encodebytes(("dolor " * 9 + s.text + " sit" * 20).encode()).decode()},
    "base64-in-json": lambda s: {"args": _nest({"file": _encode(s.text)}, 2)},
    "base64-url": lambda s: {"body": "d=" + quote(_encode(s.text), safe="")},
    "bytes": lambda s: {"body": {"$vcr": "bytes", "v": _encode(s.text)}},
    "hex": lambda s: {"dump": s.text.encode().hex()},
    "hex-upper": lambda s: {"dump": "0x" + s.text.encode().hex().upper()},
}
BY_KEY_ONLY = {"key", "pair"}


def _traces(secret: str) -> set[str]:
    """Return texts of which none may be found after redaction: the secret, and what any coding makes of its middle."""
    data = secret.encode()
    found = {secret, data.hex(), data.hex().upper(), quote(secret, safe=""), quote(quote(secret, safe=""), safe="")}
    for line in secret.splitlines() if "\n" in secret else [secret]:
        for shift in range(3):
            whole = (len(line.encode()) - (3 - shift) % 3) // 3 * 3
            start = (3 - shift) % 3
            for coded in (base64.b64encode, base64.urlsafe_b64encode):
                found.add(coded(line.encode()[start : start + whole]).decode())
        escaped = line
        for _ in range(5):
            found.add(escaped)
            escaped = json.dumps(escaped)[1:-1]
    return {trace for trace in found if len(trace) >= 8 and "-----" not in trace}


@pytest.fixture(scope="module")
def redactor() -> Redactor:
    return Redactor(key=KEY, env=ENV)


def test_there_are_enough_kinds() -> None:
    assert len(SAMPLES) >= 70


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("kind", SAMPLES)
def test_nothing_of_a_secret_survives(kind: str, place: str, redactor: Redactor) -> None:
    sample = SAMPLES[kind]
    tree = PLACES[place](sample)
    line = msgspec.json.encode(tree)

    redacted = redactor.redact_tree(tree)

    written = json.dumps(redacted, ensure_ascii=False).replace("\\n", "")
    left = {trace for trace in _traces(sample.secret) if trace in written or trace in written.replace("\\\\", "\\")}
    assert not left, f"{written[:400]}"
    assert "REDACTED" in written or redactor.find_placeholders(redacted)
    assert redactor.redact_tree(redacted) == redacted
    if place not in BY_KEY_ONLY:
        assert redactor.may_contain(line)


@pytest.mark.parametrize("kind", sorted(_shaped()))
def test_a_shaped_secret_has_the_same_placeholder_everywhere(kind: str, redactor: Redactor) -> None:
    secret = SAMPLES[kind].secret
    placeholder = redactor.redact_value(secret)
    assert redactor.redact_text(f"see {secret} there") == f"see {placeholder} there"
    assert redactor.redact_tree({"token": secret}) == {"token": placeholder}
    assert not placeholder.startswith("[REDACTED:secret:")
