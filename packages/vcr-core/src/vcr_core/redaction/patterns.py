"""The shapes of secrets that are known by their own text: provider keys, tokens, private keys.

Each shape starts at a literal prefix, so that one prefix tree serves the search in text and the prefilter over bytes.
Secrets that are known only by the name beside them belong to `names`; encodings belong to `encodings`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from typing import NamedTuple

WORD = r"[A-Za-z0-9_-]"
ALNUM = r"[A-Za-z0-9]"
HEX = r"[0-9a-f]"
END = r"(?![A-Za-z0-9])"
LEFT_EDGE = r"(?<![A-Za-z0-9])"


class SecretShape(NamedTuple):
    """One shape: `lead` (regex before the prefix), a literal `prefix`, and `tail` (regex after it).

    Every shape holds a run of at least 15 characters of the prefilter's token alphabet that touches its prefix, and
    the part of `tail` up to its first open quantifier, taken at its minimum, matches whatever `tail` matches.
    """

    kind: str
    prefix: str
    tail: str
    lead: str = ""

    @property
    def source(self) -> str:
        """The regular expression of the whole secret, without its left edge."""
        return self.lead + re.escape(self.prefix) + self.tail

    @property
    def probe(self) -> str:
        """The least that must follow the prefix, for the prefilter."""
        found = re.search(r"\{([1-9]\d*),\d*\}", self.tail)
        return self.tail if found is None else f"{self.tail[: found.start()]}{{{found[1]}}}"


def _shapes(kind: str, prefixes: str, tail: str, lead: str = "") -> list[SecretShape]:
    return [SecretShape(kind, prefix, tail, lead) for prefix in prefixes.split()]


# A digit is asked for where the prefix also begins ordinary hyphenated words.
_WITH_DIGIT = rf"(?={WORD}{{0,64}}[0-9]){WORD}{{20,}}"

SHAPES: tuple[SecretShape, ...] = (
    # model providers
    *_shapes("anthropic", "sk-ant-", rf"{WORD}{{20,}}"),
    *_shapes("openrouter", "sk-or-", rf"{WORD}{{20,}}"),
    *_shapes("langfuse", "sk-lf-", rf"{WORD}{{20,}}"),
    *_shapes("openai", "sk-proj- sk-svcacct- sk-admin- sk-None-", rf"{WORD}{{20,}}"),
    *_shapes("openai", "sk-", _WITH_DIGIT),
    *_shapes("google-api-key", "AIza", rf"{WORD}{{35}}"),
    *_shapes("google-oauth-secret", "GOCSPX-", rf"{WORD}{{20,}}"),
    *_shapes("google-access-token", "ya29.", rf"{WORD}{{20,}}"),
    *_shapes("huggingface", "hf_ api_org_", rf"{ALNUM}{{20,}}"),
    *_shapes("replicate", "r8_", rf"{ALNUM}{{20,}}"),
    *_shapes("groq", "gsk_", rf"{ALNUM}{{20,}}"),
    *_shapes("perplexity", "pplx-", rf"{ALNUM}{{20,}}"),
    *_shapes("xai", "xai-", _WITH_DIGIT),
    *_shapes("cerebras", "csk-", _WITH_DIGIT),
    *_shapes("nvidia", "nvapi-", rf"{WORD}{{20,}}"),
    *_shapes("fireworks", "fw_", rf"{ALNUM}{{20,}}"),
    *_shapes("together", "tgp_v1_", rf"{WORD}{{20,}}"),
    *_shapes("voyage", "pa-", rf"(?={WORD}{{0,64}}[0-9]){WORD}{{40,}}"),
    *_shapes("jina", "jina_", rf"{WORD}{{24,}}"),
    *_shapes("elevenlabs", "sk_", rf"{HEX}{{40,}}"),
    *_shapes("pinecone", "pcsk_", rf"{WORD}{{20,}}"),
    *_shapes("langsmith", "lsv2_pt_ lsv2_sk_", rf"{WORD}{{20,}}"),
    *_shapes("tavily", "tvly-", rf"{WORD}{{16,}}"),
    *_shapes("firecrawl", "fc-", rf"{HEX}{{32}}{END}"),
    *_shapes("e2b", "e2b_", rf"{HEX}{{32,}}"),
    *_shapes("apify", "apify_api_", rf"{ALNUM}{{20,}}"),
    *_shapes("browserbase", "bb_live_", rf"{WORD}{{16,}}"),
    *_shapes("weights-and-biases", "wandb_v1_", rf"{WORD}{{20,}}"),
    # code hosts, registries, build services
    *_shapes("github", "ghp_ gho_ ghu_ ghs_ ghr_", rf"{ALNUM}{{20,}}"),
    *_shapes("github", "github_pat_", r"[A-Za-z0-9_]{20,}"),
    *_shapes("gitlab", "glpat- gldt- glrt- gloas- glcbt- glptt- glft- glsoat- glimt-", rf"{WORD}{{20,}}"),
    *_shapes("npm", "npm_", rf"{ALNUM}{{30,}}"),
    *_shapes("pypi", "pypi-", rf"{WORD}{{40,}}"),
    *_shapes("rubygems", "rubygems_", rf"{HEX}{{40,}}"),
    *_shapes("docker", "dckr_pat_ dckr_oat_", rf"{WORD}{{20,}}"),
    *_shapes("circleci", "CCIPAT_", rf"{WORD}{{20,}}"),
    *_shapes("buildkite", "bkua_", rf"{HEX}{{40}}"),
    *_shapes("sonarqube", "sqp_ squ_ sqa_", rf"{HEX}{{40}}"),
    *_shapes("sourcegraph", "sgp_", r"[0-9a-f_]{40,}"),
    # clouds
    *_shapes("aws-access-key-id", "AKIA ASIA", rf"[A-Z0-9]{{16}}{END}"),
    *_shapes("azure-client-secret", "8Q~", r"[A-Za-z0-9_~.-]{31,34}", r"[A-Za-z0-9_~.-]{3}"),
    *_shapes("digitalocean", "dop_v1_ doo_v1_ dor_v1_", rf"{HEX}{{40,}}"),
    *_shapes("databricks", "dapi", rf"{HEX}{{32}}(?:-[0-9])?{END}"),
    *_shapes("cloudflare-origin-ca", "v1.0-", rf"{HEX}{{24}}-{HEX}{{100,}}"),
    *_shapes("heroku", "HRKU-", rf"{WORD}{{30,}}"),
    *_shapes("fly", "fo1_ fm2_", r"[A-Za-z0-9_+/=-]{30,}"),
    *_shapes("netlify", "nfp_", rf"{ALNUM}{{30,}}"),
    *_shapes("render", "rnd_", rf"{ALNUM}{{24,}}"),
    *_shapes("vercel", "vercel_blob_rw_ vcp_ vci_ vca_ vck_", rf"{WORD}{{20,}}"),
    *_shapes("supabase", "sbp_", rf"{HEX}{{40}}"),
    *_shapes("supabase", "sb_secret_", rf"{WORD}{{20,}}"),
    *_shapes("planetscale", "pscale_tkn_ pscale_pw_ pscale_oauth_", r"[A-Za-z0-9_.-]{30,}"),
    *_shapes("pulumi", "pul-", rf"{HEX}{{40}}"),
    *_shapes("terraform-cloud", ".atlasv1.", rf"{WORD}{{60,}}", rf"{ALNUM}{{14}}"),
    *_shapes("tailscale", "tskey-", rf"{WORD}{{16,}}"),
    *_shapes("doppler", "dp.pt. dp.st. dp.ct. dp.sa. dp.scim. dp.audit.", r"[A-Za-z0-9_.-]{24,}"),
    *_shapes("vault", "hvs. hvb. hvr.", rf"{WORD}{{20,}}"),
    *_shapes("age", "AGE-SECRET-KEY-1", r"[A-Z0-9]{50,}"),
    *_shapes("1password", "ops_eyJ", rf"{WORD}{{40,}}"),
    # messages, payments, work tools
    *_shapes("slack", "xoxa- xoxb- xoxe- xoxo- xoxp- xoxr- xoxs- xapp-", r"[A-Za-z0-9-]{15,}"),
    *_shapes("slack-webhook", "hooks.slack.com/", r"(?:services|workflows)/[A-Za-z0-9_/-]{20,}"),
    *_shapes("discord", ".", rf"{WORD}{{6}}\.{WORD}{{27,45}}", rf"[MNO]{WORD}{{22,27}}"),
    *_shapes(
        "discord-webhook", "discord.com/api/webhooks/ discordapp.com/api/webhooks/", r"[0-9]{8,}/[A-Za-z0-9_-]{20,}"
    ),
    *_shapes("telegram", "AA", rf"(?<=[0-9]:AA){WORD}{{33}}{END}", r"[0-9]{8,10}:"),
    *_shapes("twilio", "SK", rf"{HEX}{{32}}{END}"),
    *_shapes("sendgrid", "SG.", rf"{WORD}{{16,}}\.{WORD}{{16,}}"),
    *_shapes("mailgun", "key-", rf"{HEX}{{32}}{END}"),
    *_shapes("mailchimp", "-us", r"[0-9]{1,2}(?![A-Za-z0-9-])", rf"{HEX}{{32}}"),
    *_shapes("brevo", "xkeysib-", rf"{WORD}{{40,}}"),
    *_shapes("resend", "re_", r"(?=[A-Za-z_]{0,24}[0-9])[A-Za-z0-9]{6,10}_[A-Za-z0-9]{20,}"),
    *_shapes("stripe", "sk_live_ sk_test_ rk_live_ rk_test_", rf"{ALNUM}{{16,}}"),
    *_shapes("stripe-webhook", "whsec_", r"[A-Za-z0-9+/]{24,}={0,2}"),
    *_shapes("square", "sq0atp- sq0csp-", rf"{WORD}{{20,}}"),
    *_shapes("square", "EAAA", rf"{WORD}{{56,}}"),
    *_shapes("paypal", "A21AA", rf"{WORD}{{60,}}"),
    *_shapes("shopify", "shpat_ shpca_ shppa_ shpss_", r"[0-9a-fA-F]{32}"),
    *_shapes("airtable", ".", rf"{HEX}{{64}}{END}", rf"pat{ALNUM}{{14}}"),
    *_shapes("hubspot", "pat-na1- pat-na2- pat-eu1-", rf"{WORD}{{30,}}"),
    *_shapes("notion", "secret_", rf"(?=[A-Za-z]{{0,64}}[0-9]){ALNUM}{{40,}}"),
    *_shapes("notion", "ntn_", rf"{ALNUM}{{30,}}"),
    *_shapes("linear", "lin_api_ lin_oauth_", rf"{ALNUM}{{24,}}"),
    *_shapes("figma", "figd_ figo_ figu_", rf"{WORD}{{20,}}"),
    *_shapes("postman", "PMAK-", rf"{WORD}{{30,}}"),
    *_shapes("atlassian", "ATATT3", r"[A-Za-z0-9_=-]{40,}"),
    *_shapes("new-relic", "NRAK- NRJS- NRII-", rf"{WORD}{{16,}}"),
    *_shapes("sentry", "sntrys_ sntryu_", r"[A-Za-z0-9_=+/-]{30,}"),
    *_shapes("grafana", "glsa_ glc_", r"[A-Za-z0-9_=+/-]{24,}"),
    *_shapes("posthog", "phx_", rf"{ALNUM}{{24,}}"),
    *_shapes("dynatrace", "dt0c01.", r"[A-Z0-9]{24}\.[A-Z0-9]{40,}"),
    *_shapes("mapbox", "sk.eyJ", r"[A-Za-z0-9_.-]{20,}"),
    *_shapes("jwt", ".eyJ", rf"{WORD}{{8,}}\.{WORD}{{8,}}", rf"(?<![A-Za-z0-9_.-])eyJ{WORD}{{8,}}"),
)

PRIVATE_KEY_BEGIN = re.compile(r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----")
PRIVATE_KEY_ANCHOR = b"PRIVATE KEY"
_PRIVATE_KEY_REST = re.compile(r"[A-Za-z0-9+/=\s\\]*")
_PRIVATE_KEY_END = re.compile(r"-----END [A-Z0-9 ]{0,40}-----")


def _tree_source(branches: Iterable[tuple[str, str]]) -> str:
    """Return one regular expression for (literal prefix, tail) pairs that shares the prefixes' letters."""
    tails: list[str] = []
    by_letter: dict[str, list[tuple[str, str]]] = {}
    for prefix, tail in branches:
        if prefix:
            by_letter.setdefault(prefix[0], []).append((prefix[1:], tail))
        elif tail not in tails:
            tails.append(tail)
    parts = [re.escape(letter) + _tree_source(rest) for letter, rest in sorted(by_letter.items())]
    parts += tails  # the longest prefix is tried first: it names the kind best
    return parts[0] if len(parts) == 1 else f"(?:{'|'.join(parts)})"


@cache
def compile_text_pattern() -> re.Pattern[str]:
    """Return the search for every shape that has no lead, at a left edge."""
    return re.compile(LEFT_EDGE + _tree_source((s.prefix, s.tail) for s in SHAPES if not s.lead))


@cache
def compile_led_patterns() -> list[tuple[str, re.Pattern[str]]]:
    """Return (anchor, search) for the shapes with a lead: search only where the anchor is in the text."""
    return [(s.prefix, re.compile(LEFT_EDGE + s.source)) for s in SHAPES if s.lead]


@cache
def compile_probe(*, in_base64: bool = False) -> re.Pattern[bytes]:
    """Return the prefilter's search: it may match too much, never too little, and is linear without a left edge.

    With `in_base64` only the shapes whose prefix can stand inside plain base64 are in it.
    """
    return re.compile(_tree_source((s.prefix, s.probe) for s in SHAPES if not in_base64 or s.prefix.isalnum()).encode())


def led_prefixes() -> tuple[bytes, ...]:
    """Return the prefixes that stand inside their secret: no left edge is needed before them."""
    return tuple(s.prefix.encode() for s in SHAPES if s.lead)


def classify_shape(secret: str) -> str | None:
    """Return the kind whose shape the whole of `secret` has, or None. Depends on nothing but the text."""
    if PRIVATE_KEY_BEGIN.match(secret):
        return "private-key"
    led = any(anchor in secret and pattern.fullmatch(secret) for anchor, pattern in compile_led_patterns())
    if not led and not compile_text_pattern().fullmatch(secret):
        return None
    for shape in SHAPES:
        if (shape.lead or secret.startswith(shape.prefix)) and re.fullmatch(shape.source, secret):
            return shape.kind
    return None


def find_private_keys(text: str) -> list[tuple[int, int]]:
    """Return the spans of PEM and PGP private keys; one that is cut off ends with its last base64 character."""
    spans: list[tuple[int, int]] = []
    end_known = True
    for begin in PRIVATE_KEY_BEGIN.finditer(text):
        if spans and begin.start() < spans[-1][1]:
            continue
        end = _PRIVATE_KEY_END.search(text, begin.end()) if end_known else None
        end_known = end is not None
        if end is None:
            end = _PRIVATE_KEY_REST.match(text, begin.end())
        spans.append((begin.start(), end.end() if end else begin.end()))
    return spans
