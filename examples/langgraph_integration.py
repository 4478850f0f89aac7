"""An agent is recorded, breaks, is mended, and goes on from where it broke. No key and no network are needed.

python examples/langgraph_integration.py
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator

from langchain.agents import create_agent
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage
from langchain_core.tools import BaseTool
from langchain_core.tools import tool as langchain_tool

from vcr_core import ResumeConfig, VCRPlayer, VCRRecorder
from vcr_langgraph import VCRLangGraph


def answers() -> Iterator[AIMessage]:
    """What the model says: it looks two cities up, then answers."""
    facts = {"usage_metadata": {"input_tokens": 40, "output_tokens": 12, "total_tokens": 52}}
    for city in ("Lima", "Oslo"):
        call = {"name": "temperature", "args": {"city": city}, "id": f"call-{city}"}
        yield AIMessage("", tool_calls=[call], **facts)
    yield AIMessage("Lima is warmer than Oslo.", **facts)


class ScriptedModel(GenericFakeChatModel):
    """Stands for a real model; create_agent wants to give it tools."""

    def bind_tools(self, tools, **kwargs):
        return self


def make_agent(temperature: BaseTool, script: Iterator[AIMessage]):
    return create_agent(ScriptedModel(messages=script), [temperature], system_prompt="Compare temperatures.")


@langchain_tool
def temperature(city: str) -> str:
    """Measure the temperature of a city."""
    return {"Lima": "19 degrees"}[city]  # Oslo was forgotten


def mended_temperature() -> BaseTool:
    @langchain_tool
    def temperature(city: str) -> str:
        """Measure the temperature of a city."""
        return {"Lima": "19 degrees", "Oslo": "4 degrees"}[city]

    return temperature


def show(player: VCRPlayer) -> None:
    for row in player.rows:
        print(f"  {row.index:>2} {row.origin:<5} {row.kind:<5} {row.node_name:<14} {row.status}")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        recorder = VCRRecorder(folder)
        script = answers()
        agent = VCRLangGraph(recorder).wrap_graph(make_agent(temperature, script))
        try:
            agent.invoke({"messages": [{"role": "user", "content": "Which is warmer, Lima or Oslo?"}]})
        except KeyError as error:
            print(f"The agent broke: KeyError {error}. What was recorded:")
        player = VCRPlayer.load(recorder.save())
        show(player)

        broken = next(row.index for row in player.rows if row.status == "error")
        print(f"\nWith the tool mended, it goes on at frame {broken}; what came before is served:")
        session_id = player.resume(make_agent(mended_temperature(), script), ResumeConfig(from_frame=broken))
        fork = VCRPlayer.load_by_id(session_id, folder)
        show(fork)
        print(f"\nAnswer: {fork.frames[-1].output_state['messages'][-1].content}")
        recorder.close()


if __name__ == "__main__":
    main()
