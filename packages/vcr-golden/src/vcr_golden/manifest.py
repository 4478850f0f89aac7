"""What is kept beside the recording of a golden run: its identity, the code of its steps, digests of its frames."""

from __future__ import annotations

import dataclasses
import json
from typing import Any, TypeVar

from vcr_core.wire_format import DECODE_ERRORS, decode
from vcr_golden.effects import Effect
from vcr_golden.errors import GoldenError
from vcr_golden.identity import Component

FORMAT = 1
Described = TypeVar("Described", "CodeFacts", "Manifest")


class ManifestError(GoldenError):
    """The manifest of a golden run cannot be read.

    Attributes:
        path: The file.
        reason: What is wrong with it.
    """

    def __init__(self, path: object, reason: str) -> None:
        self.path = path
        self.reason = reason
        super().__init__(f"{path} is no manifest of a golden run: {reason}. Save the run again.")


@dataclasses.dataclass(frozen=True)
class StepFacts:
    """What is known of the steps of one name.

    Attributes:
        code: Fingerprint of the function that ran; None if it is not known, or there was none.
        effect: What such a step does to the world.
    """

    code: str | None
    effect: Effect


@dataclasses.dataclass(frozen=True)
class CodeFacts:
    """What only the process that ran the agent knows of a recording; kept beside one that waits to be accepted.

    Attributes:
        code: Digest of each function that the agent reaches.
        code_of_agent: True if that includes the agent itself.
        steps: By step name.
    """

    code: dict[str, str]
    code_of_agent: bool
    steps: dict[str, StepFacts]

    def to_json(self) -> str:
        """Return the text of the file."""
        return json.dumps({"format": FORMAT, **dataclasses.asdict(self)}, indent=1, sort_keys=True, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str, path: object) -> CodeFacts:
        """Read the file again.

        Raises:
            ManifestError: If it is something else, or of a newer format.
        """
        return _read(cls, text, path)


@dataclasses.dataclass(frozen=True)
class Manifest:
    """What a golden run is.

    Attributes:
        task: The task.
        trial: Which sample of the task.
        fingerprint: Digest of all components and the trial.
        created_at: UTC, ISO 8601.
        session_id: The session it was saved from.
        components: By name; see `identity.COMPONENTS`.
        code: Digest of each function that the agent reaches.
        code_of_agent: True if that includes the agent itself.
        steps: By step name.
        frames: Digests of input and output of each frame.
        totals: Frames, tokens, cost and latency, as JSON.
        tags: Free words.
    """

    task: str
    trial: int
    fingerprint: str
    created_at: str
    session_id: str
    components: dict[str, Component]
    code: dict[str, str]
    code_of_agent: bool
    steps: dict[str, StepFacts]
    frames: list[tuple[str, str]]
    totals: dict[str, Any]
    tags: list[str]

    def to_json(self) -> str:
        """Return the text of the file."""
        data = dataclasses.asdict(self)
        frames = data.pop("frames")
        head = json.dumps({"format": FORMAT, **data}, indent=1, sort_keys=True, ensure_ascii=False)
        rows = ",\n  ".join(json.dumps(row) for row in frames)
        return f'{head[:-2]},\n "frames": [\n  {rows}\n ]\n}}\n'

    @classmethod
    def from_json(cls, text: str, path: object) -> Manifest:
        """Read the file again.

        Raises:
            ManifestError: If it is something else, or of a newer format.
        """
        return _read(cls, text, path)


def _read(cls: type[Described], text: str, path: object) -> Described:
    try:
        data = decode(text)
        if data.pop("format") != FORMAT:
            raise ManifestError(path, "it is of another format")
        data["steps"] = {name: _step_facts(value) for name, value in data["steps"].items()}
        if cls is Manifest:
            data["components"] = {name: Component(**value) for name, value in data["components"].items()}
            data["frames"] = [(row[0], row[1]) for row in data["frames"]]
        return cls(**data)
    except (*DECODE_ERRORS, ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
        raise ManifestError(path, str(error)) from error


def _step_facts(value: dict[str, Any]) -> StepFacts:
    effect = value["effect"]
    return StepFacts(value["code"], Effect(effect["kind"], tuple(effect["resources"])))
