"""OpenAI embeddings."""

from __future__ import annotations

import re
from dataclasses import replace

from vcr_llm.json_values import Json, as_dict, as_text, without
from vcr_llm.providers.meaning import Answer, Asked, Provider
from vcr_llm.providers.openai_chat import read_usage


def _ask(body: Json, url: str) -> Asked:
    return Asked(as_text(body.get("model")), [body.get("input")], [], without(body, "model", "input"))


def _answer(body: Json) -> Answer:
    usage = read_usage(as_dict(body.get("usage")))
    if usage.input is not None:  # a vector is no output that is counted
        usage = replace(usage, output=0)
    return Answer(model=as_text(body.get("model")), usage=usage)


def _assemble(events: list[Json]) -> Json:
    return events[-1] if events else {}


OPENAI_EMBEDDINGS = Provider(
    "openai.embeddings", "openai", "embeddings", "openai", re.compile(r"/embeddings/?$"), _ask, _answer, _assemble
)
