"""The ways in: capture while a block runs, in the whole process, or serve a recording to a block of plain code."""

from __future__ import annotations

import asyncio
from collections.abc import Generator, Iterable
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from vcr_core import ResumeConfig, ResumeMode, Store, VCRPlayer
from vcr_core.engine import Run, run_of
from vcr_core.engine.propagation import install as carry_scopes
from vcr_core.engine.propagation import tasks_spawn_scopes
from vcr_core.engine.scope import ROOT
from vcr_core.engine.tape import Tape
from vcr_llm.network_guard import guarded, watch_network
from vcr_llm.patching import apply_patches, remove_patches
from vcr_llm.settings import Normalize, disuse, local_settings, make_settings, use

if TYPE_CHECKING:
    from vcr_core import VCRRecorder
    from vcr_llm.prices import PriceTable


@contextmanager
def capture(
    recorder: VCRRecorder | None = None,
    *,
    ignore_hosts: Iterable[str] = (),
    normalize: Normalize | None = None,
    prices: PriceTable | None = None,
    allow: Iterable[str] = (),
) -> Generator[None]:
    """Capture the LLM and HTTP calls of a block.

    A call inside a run (``recorder.run(agent)``, ``player.resume(agent)``) belongs to that run: it is recorded, or
    served while the run is replayed, under the step that makes it.  A call outside of any run is recorded by
    `recorder`, and can be served with `replay`.

    Args:
        recorder: Records what is called outside of a run; None leaves such calls alone.
        ignore_hosts: More hosts to leave alone, besides those of telemetry; ``*`` stands for any text.
        normalize: Given the canonical input of a request, returns what is recorded and compared instead; to take out
            what changes from run to run in your own requests.
        prices: What tokens cost; by default the table of `genai-prices`, if it is installed.
        allow: Hosts that may be connected to in a replay, for what is not captured.
    """
    apply_patches()
    watch_network()
    with ExitStack() as stack:
        stack.enter_context(
            local_settings(make_settings(ignore_hosts=ignore_hosts, normalize=normalize, prices=prices, allow=allow))
        )
        if recorder is not None:
            carry_scopes()
            _enter(stack, run_of(recorder))
        yield


def _enter(stack: ExitStack, run: Run) -> None:
    stack.enter_context(run.entered())
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        return
    stack.enter_context(tasks_spawn_scopes(loop))


def install(
    *,
    ignore_hosts: Iterable[str] = (),
    normalize: Normalize | None = None,
    prices: PriceTable | None = None,
    allow: Iterable[str] = (),
) -> None:
    """Capture the calls of every run of this process from now on; the arguments are those of `capture`."""
    apply_patches()
    watch_network()
    use(make_settings(ignore_hosts=ignore_hosts, normalize=normalize, prices=prices, allow=allow))


def uninstall() -> None:
    """Undo one `install`, and the patches with it."""
    disuse()
    remove_patches()


@contextmanager
def replay(
    recording: str | Path | VCRPlayer,
    *,
    vcr_dir: str | Path = ".vcr",
    normalize: Normalize | None = None,
    ignore_hosts: Iterable[str] = (),
    allow: Iterable[str] = (),
) -> Generator[Run]:
    """Serve the calls of a block from a recording that was made with ``capture(recorder)``; nothing is called live.

    Args:
        recording: A session id, a path, or an open player.
        vcr_dir: Where session ids are looked up.
        normalize: As it was for `capture`.
        ignore_hosts: As for `capture`.
        allow: Hosts that may be connected to all the same.

    Raises:
        DivergenceError: If the block asks for something else than was recorded, or leaves recorded calls over.
        LiveCallError: If something in the block connects to a host that is not allowed.
    """
    player = recording if isinstance(recording, VCRPlayer) else _open(recording, vcr_dir)
    apply_patches()
    carry_scopes()
    root = next((row.key.partition(":")[0].partition("/")[0] for row in player.rows if row.key), ROOT)
    run = Run(None, tape=Tape(player, cut=len(player)), config=ResumeConfig(mode=ResumeMode.REPLAY), root=root)
    with ExitStack() as stack:
        stack.enter_context(local_settings(make_settings(ignore_hosts=ignore_hosts, normalize=normalize, allow=allow)))
        stack.enter_context(guarded(run))
        _enter(stack, run)
        try:
            yield run
        except BaseException:
            run.close()
            raise
    run.finish()


def _open(recording: str | Path, vcr_dir: str | Path) -> VCRPlayer:
    path = Path(recording)
    return VCRPlayer.load(path if path.suffix == ".vcr" or path.exists() else Store(vcr_dir).path(str(recording)))
