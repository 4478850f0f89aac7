"""OpenAI-style message lists, as frames: one LLM frame for each assistant turn, one tool frame for each tool result.

A prompt is the messages before the turn; the recorder writes it as what was appended, so a recording grows with its
messages and not with their square.  What follows the last assistant turn, and so stands in no prompt, is kept in a
last frame of its own.  `messages_of` gives back exactly the list that was imported.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from vcr_core.errors import VcrError
from vcr_core.importers import ImportFileError
from vcr_core.json_pointer import kind_of

if TYPE_CHECKING:
    from vcr_core.player import VCRPlayer
    from vcr_core.recorder import VCRRecorder

Message = dict[str, Any]
SOURCE = "openai-messages"
LIST_KEYS = ("messages", "traj", "trajectory", "conversation")
"""Members of an object that may hold its list of messages; the first one found counts."""
_ASSISTANT = "assistant"
_LLM_NODE = "assistant"
_REST_NODE = "messages"


class NoMessagesError(VcrError):
    """A recording that holds no message list.

    Attributes:
        path: The recording.
    """

    def __init__(self, path: object) -> None:
        self.path = path
        super().__init__(f"{path} was not made from a message list, so there is none to give back")


class Run(msgspec.Struct):
    """One run found in a file.

    Attributes:
        messages: Its messages, in order.
        fields: What stood beside the list, such as a task id or a reward.
        place: Where it stands in the file, for people: ``run 3`` or ``line 7``.
    """

    messages: list[Message]
    fields: dict[str, Any]
    place: str


def read_runs(path: Path) -> list[Run]:
    """Return the runs of a JSON or JSON Lines file.

    Accepted are a list of messages, a list of such lists, objects that hold one under one of `LIST_KEYS`, lists of
    those, and any of these one a line; lines that are messages make one run.

    Raises:
        ImportFileError: If the file holds something else; the message says where and what was expected.
        OSError: If it cannot be read.
    """
    content = path.read_bytes()
    if not content.strip():
        raise ImportFileError(path, "", "the file is empty; a JSON or JSON Lines file with messages is expected")
    try:
        whole = _decode(content)
    except ValueError as error:
        return _read_lines(path, content, error)
    if kind_of(whole) is list and whole and not _is_message(whole[0]):
        return [_run(path, item, f"run {number}") for number, item in enumerate(whole)]
    return [_run(path, whole, "")]


def _decode(content: bytes) -> Any:
    """Decode JSON fast where it is strict, else as Python's own module reads it (NaN, surrogates, huge numbers)."""
    try:
        return msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return json.loads(content)


def _read_lines(path: Path, content: bytes, whole_error: ValueError) -> list[Run]:
    items: list[tuple[int, Any]] = []
    for number, line in enumerate(content.split(b"\n"), 1):
        if line.strip():
            try:
                items.append((number, _decode(line)))
            except ValueError as error:
                if not items:
                    reason = f"it is not JSON ({whole_error}), and line {number} alone is not either"
                    raise ImportFileError(path, "", reason) from error
                raise ImportFileError(path, f"line {number}", f"it is not JSON: {error}") from error
    if all(_is_message(item) for _, item in items):
        return [Run([item for _, item in items], {}, "")]
    return [_run(path, item, f"line {number}") for number, item in items]


def _is_message(item: Any) -> bool:
    return kind_of(item) is dict and isinstance(item.get("role"), str)


def _run(path: Path, item: Any, place: str) -> Run:
    fields: dict[str, Any] = {}
    messages = item
    if kind_of(item) is dict:
        key = next((key for key in LIST_KEYS if kind_of(item.get(key)) is list), None)
        if key is None:
            expected = ", ".join(f'"{key}"' for key in LIST_KEYS)
            found = ", ".join(f'"{name}"' for name in list(item)[:8]) or "nothing"
            reason = f"an object with a list under one of {expected} is expected; this one has {found}"
            raise ImportFileError(path, place, reason)
        messages = item[key]
        fields = {name: value for name, value in item.items() if name != key}
    if kind_of(messages) is not list:
        reason = f"a list of messages is expected here, not {type(messages).__name__}"
        raise ImportFileError(path, place, reason)
    for at, message in enumerate(messages):
        if not _is_message(message):
            shown = json.dumps(message)[:60]
            where = f"{place}, message {at}" if place else f"message {at}"
            raise ImportFileError(path, where, f'an object with a "role" is expected, not {shown}')
    return Run(messages, fields, place)


def record_run(recorder: VCRRecorder, run: Run, *, session_id: str, source: str, tags: Iterable[str] = ()) -> Path:
    """Record one run as a session and return its file.

    Args:
        recorder: Its settings say where, and whether secrets are replaced.
        run: The messages; they are not changed.
        session_id: Name of the session.
        source: Name of the file they come from, kept with the session.
        tags: Words to find the session by.

    Raises:
        RecordingError: If not everything could be written.
    """
    metadata: dict[str, Any] = {
        "imported_from": SOURCE,
        "file": source,
        "place": run.place,
        "messages": len(run.messages),
    }
    if run.fields:
        metadata["run"] = run.fields
    recorder.start_session(session_id, metadata=metadata, tags=tags)
    prompt: list[Message] = []
    calls: dict[str, tuple[str, Any]] = {}
    last_turn = 0
    for at, message in enumerate(run.messages):
        if message["role"] == _ASSISTANT:
            _record_turn(recorder, prompt, message)
            calls.update(_calls_of(message))
            last_turn = at + 1
        elif message["role"] in ("tool", "function"):
            _record_result(recorder, message, calls)
        prompt.append(message)
    rest = run.messages[last_turn:]
    if rest or not last_turn:
        recorder.record_step(_REST_NODE, {}, {"messages": rest}, latency_ms=0.0)
    recorder.close()
    return recorder.store.path(recorder.session_id or session_id)


def _record_turn(recorder: VCRRecorder, prompt: list[Message], message: Message) -> None:
    usage: Any = message.get("usage")
    used: Any = usage if kind_of(usage) is dict else {}
    model = message.get("model")
    recorder.record_llm_call(
        _LLM_NODE,
        prompt,
        message,
        model=model if isinstance(model, str) else None,
        tokens_input=_number(used.get("prompt_tokens")),
        tokens_output=_number(used.get("completion_tokens")),
        latency_ms=0.0,
    )


def _number(value: object) -> int | None:
    return value if type(value) is int else None


def _calls_of(message: Message) -> Iterator[tuple[str, tuple[str, Any]]]:
    """Yield id, name and arguments of the calls that an assistant message asks for."""
    asked: Any = message.get("tool_calls")
    calls: list[Any] = asked if kind_of(asked) is list else []
    for call in calls:
        function: Any = call.get("function") if kind_of(call) is dict else None
        if kind_of(function) is dict:
            yield str(call.get("id")), (str(function.get("name")), _arguments(function.get("arguments")))
    legacy: Any = message.get("function_call")
    if kind_of(legacy) is dict:
        yield f"function:{legacy.get('name')}", (str(legacy.get("name")), _arguments(legacy.get("arguments")))


def _arguments(text: Any) -> Any:
    """Return decoded arguments; as they are where they are no JSON."""
    if not isinstance(text, str):
        return text
    try:
        return _decode(text.encode("utf-8", "surrogatepass"))
    except ValueError:
        return text


def _record_result(recorder: VCRRecorder, message: Message, calls: dict[str, tuple[str, Any]]) -> None:
    key = str(message["tool_call_id"]) if "tool_call_id" in message else f"function:{message.get('name')}"
    call = calls.get(key)
    name = call[0] if call else str(message.get("name") or "tool")
    metadata: dict[str, Any] = {"tool_call_id": message["tool_call_id"]} if "tool_call_id" in message else {}
    if call is None:
        metadata["unmatched"] = True  # no turn before it asked for this call
    arguments = call[1] if call else None
    recorder.record_tool_call(name, name, arguments, message.get("content"), latency_ms=0.0, metadata=metadata)


def messages_of(player: VCRPlayer) -> list[Message]:
    """Return the messages that a recording was made of, equal to what was imported.

    Args:
        player: An imported recording.  Of any other recording whose prompts are lists of messages, the last prompt
            and its answer are returned.

    Raises:
        NoMessagesError: If there are no messages in it.
    """
    messages: list[Message] | None = None
    turns = [row.index for row in player.rows if row.kind == "llm"]
    if turns:
        prompt = player.get_input_state(turns[-1])
        response = player.goto_frame(turns[-1])
        messages = [*_list_in(player, prompt, "prompt"), _in(player, response, "response")]
    last = player.rows[-1] if len(player) else None
    if last is not None and last.node_name == _REST_NODE and player.session.metadata.get("imported_from") == SOURCE:
        messages = [*(messages or []), *_list_in(player, player.goto_frame(last.index), "messages")]
    if messages is None:
        raise NoMessagesError(player.path)
    return messages


def _in(player: VCRPlayer, state: Any, name: str) -> Any:
    if kind_of(state) is not dict or name not in state:
        raise NoMessagesError(player.path)
    return state[name]


def _list_in(player: VCRPlayer, state: Any, name: str) -> list[Message]:
    found: list[Message] = _in(player, state, name)
    if kind_of(found) is not list:
        raise NoMessagesError(player.path)
    return found
