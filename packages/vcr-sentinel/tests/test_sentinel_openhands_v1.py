"""The V1 SDK with its own scripted model: what Sentinel says must stand in the next call to the model."""

from __future__ import annotations

import json

import pytest

from vcr_sentinel import Sentinel

sdk = pytest.importorskip(
    "openhands.sdk", reason="openhands-sdk: `nox -f packages/vcr-sentinel/noxfile.py -s openhands_v1`"
)
editor = pytest.importorskip("openhands.tools.file_editor", reason="needs openhands-tools")

COPY = """from hashlib import sha256


def hash_password(password, salt):
    data = password.encode() + salt
    for _ in range(1000):
        data = sha256(data).digest()
    return data.hex()
"""


def test_the_next_model_call_holds_the_warning(tmp_path, monkeypatch):
    from openhands.sdk import Agent, Conversation, Tool
    from openhands.sdk.llm import Message, MessageToolCall, TextContent
    from openhands.sdk.testing import TestLLM

    (tmp_path / "utils.py").write_text(COPY)
    arguments = {"command": "create", "path": str(tmp_path / "handlers.py"), "file_text": COPY}
    call = MessageToolCall(id="c1", name="file_editor", arguments=json.dumps(arguments), origin="completion")
    llm = TestLLM.from_messages(
        [
            Message(role="assistant", content=[TextContent(text="")], tool_calls=[call]),
            Message(role="assistant", content=[TextContent(text="Done")]),
        ]
    )
    sent: list[str] = []
    original = TestLLM.completion

    def completion(self, messages, *args, **kwargs):
        sent.append("\n".join(item.text for m in messages for item in m.content if isinstance(item, TextContent)))
        return original(self, messages, *args, **kwargs)

    monkeypatch.setattr(TestLLM, "completion", completion)
    agent = Agent(llm=llm, tools=[Tool(name=editor.FileEditorTool.name)])
    conversation = Conversation(agent=agent, workspace=str(tmp_path))
    with Sentinel(root=tmp_path, slow_lane="off") as sentinel:
        sentinel.attach(conversation)
        conversation.send_message("write the handlers")
        conversation.run()
    assert len(sent) == 2
    assert "SENTINEL" not in sent[0]
    assert "SENTINEL CRITICAL VS101 handlers.py:4 hash_password() duplicates utils.py:4" in sent[1]
