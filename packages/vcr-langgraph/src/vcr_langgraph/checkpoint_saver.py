"""A LangGraph checkpointer over one `.vcr` file: threads that survive the process, readable and sealed."""

# LangGraph ships no stubs and leaves most of its type parameters open; mypy, which reads its annotations, stays strict.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false, reportMissingTypeArgument=false

from __future__ import annotations

import builtins
import random
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import msgspec
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    WRITES_IDX_MAP,
    BaseCheckpointSaver,
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
    get_checkpoint_id,
    get_checkpoint_metadata,
    writes_sort_key,
)

from vcr_langgraph.checkpoint_log import CheckpointLog, DamagedCheckpointError, Stored, Typed, put_fields, write_fields
from vcr_langgraph.checkpoint_values import VCRSerializer

Key = tuple[str, str, str]


class VCRCheckpointSaver(BaseCheckpointSaver[str]):
    """Keeps the checkpoints of any number of threads in one file.

    A checkpoint is in the kernel when `put` returns, so a killed process loses none; `sync` has it on the disk.
    Several savers, also of several processes, may share a file.  Values are written as they are: unlike a recording, a
    checkpoint has to give back exactly what it was given, so nothing in it is redacted.

    Args:
        path: The file; made if it does not exist.
    """

    def __init__(self, path: str | Path) -> None:
        super().__init__(serde=VCRSerializer())
        self._log = CheckpointLog(Path(path))

    # -- writing ------------------------------------------------------------------------------------------------------

    def put(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """Save a checkpoint with those of its channels that are new."""
        configurable = config.get("configurable", {})
        key = (configurable["thread_id"], configurable.get("checkpoint_ns", ""), checkpoint["id"])
        kept: dict[str, Any] = dict(checkpoint)
        values = kept.pop("channel_values")
        dump = self.serde.dumps_typed
        blobs: list[tuple[str, Any, Typed]] = [
            (channel, version, dump(values[channel]) if channel in values else ("empty", b""))
            for channel, version in new_versions.items()
        ]
        facts: dict[str, Any] = dict(get_checkpoint_metadata(config, metadata))
        stored = Stored(dump(kept), dump(facts), configurable.get("checkpoint_id"), facts.get("run_id"))
        with self._log.lock:
            self._log.append("put", *put_fields(key, stored, blobs))
        return _config(key)

    def put_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        """Save what a task wrote for the checkpoint that is to come; what it wrote before is kept."""
        configurable = config.get("configurable", {})
        key = (configurable["thread_id"], configurable.get("checkpoint_ns", ""), configurable["checkpoint_id"])
        with self._log.lock:
            known = self._log.writes.get(key, {})
            numbered = [(WRITES_IDX_MAP.get(channel, n), channel, value) for n, (channel, value) in enumerate(writes)]
            fresh = [
                (number, channel, self.serde.dumps_typed(value))
                for number, channel, value in numbered
                if number < 0 or (task_id, number) not in known
            ]
            if fresh:
                self._log.append("writes", *write_fields(key, task_id, task_path, fresh))

    # -- reading ------------------------------------------------------------------------------------------------------

    def get_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """Return the checkpoint that `config` names, or the latest of its thread.

        Raises:
            DamagedCheckpointError: If a value of it stood in a line that cannot be read.
        """
        configurable = config.get("configurable", {})
        thread, namespace = str(configurable["thread_id"]), configurable.get("checkpoint_ns", "")
        with self._log.lock:
            self._log.refresh()
            found = self._log.threads.get(thread, {}).get(namespace, {})
            checkpoint_id = get_checkpoint_id(config) or max(found, default=None)
            stored = found.get(checkpoint_id) if checkpoint_id is not None else None
            if stored is None or checkpoint_id is None:
                return None
            return self._tuple((thread, namespace, checkpoint_id), stored)

    def _tuple(self, key: Key, stored: Stored) -> CheckpointTuple:
        checkpoint: Any = self._load(key, "checkpoint", stored.checkpoint)
        values: dict[str, Any] = {}
        for channel, version in checkpoint["channel_versions"].items():
            blob = self._log.blobs.get((*key[:2], channel, version))
            if blob is None and self._log.damaged:
                raise DamagedCheckpointError(self._log.path, key[0], key[2], channel)
            if blob is not None and blob[0] != "empty":
                values[channel] = self._load(key, channel, blob)
        writes = self._log.writes.get(key, {})
        order = sorted(writes, key=lambda place: writes_sort_key(writes[place].path, *place))
        found = [writes[place] for place in order]
        return CheckpointTuple(
            config=_config(key),
            checkpoint=cast("Checkpoint", {**checkpoint, "channel_values": values}),
            metadata=self._load(key, "metadata", stored.metadata),
            parent_config=_config((*key[:2], stored.parent)) if stored.parent else None,
            pending_writes=[
                (write.task, write.channel, self._load(key, write.channel, write.value)) for write in found
            ],
        )

    def _load(self, key: Key, part: str, value: Typed) -> Any:
        try:
            return self.serde.loads_typed(value)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise DamagedCheckpointError(self._log.path, key[0], key[2], part) from error

    def list(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,  # the interface's own name
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> Iterator[CheckpointTuple]:
        """Yield checkpoints, the latest first: of a thread and namespace, or of all."""
        with self._log.lock:
            self._log.refresh()
            found = builtins.list(self._matching(config, filter or {}, get_checkpoint_id(before) if before else None))
        for key, stored in found[:limit] if limit is not None else found:
            with self._log.lock:
                made = self._tuple(key, stored)
            yield made

    def _matching(
        self, config: RunnableConfig | None, wanted: Mapping[str, Any], before: str | None
    ) -> Iterator[tuple[Key, Stored]]:
        configurable = config.get("configurable", {}) if config else {}
        threads = [str(configurable["thread_id"])] if config else builtins.list(self._log.threads)
        only_id = get_checkpoint_id(config) if config else None
        for thread in threads:
            for namespace, found in self._log.threads.get(thread, {}).items():
                if configurable.get("checkpoint_ns", namespace) != namespace:
                    continue
                for checkpoint_id in sorted(found, reverse=True):
                    stored = found[checkpoint_id]
                    if (only_id and checkpoint_id != only_id) or (before and checkpoint_id >= before):
                        continue
                    if wanted:
                        metadata = self.serde.loads_typed(stored.metadata)
                        if any(metadata.get(name) != value for name, value in wanted.items()):
                            continue
                    yield (thread, namespace, checkpoint_id), stored

    def get_next_version(self, current: str | None, channel: None) -> str:
        """Return a version after `current`, unlike any that another branch of the thread gives."""
        number = 0 if current is None else int(str(current).partition(".")[0])
        return f"{number + 1:032}.{random.random():016}"

    # -- keeping house ------------------------------------------------------------------------------------------------

    def delete_thread(self, thread_id: str) -> None:
        """Forget a thread; its lines stay in the file, which is only ever appended to."""
        with self._log.lock:
            self._log.append("forget", thread_id)

    def copy_thread(self, source_thread_id: str, target_thread_id: str) -> None:
        """Copy all checkpoints and writes of a thread to another."""
        log = self._log
        with log.lock:
            log.refresh()
            for namespace, found in builtins.list(log.threads.get(source_thread_id, {}).items()):
                blobs = [
                    (channel, version, value)
                    for (thread, ns, channel, version), value in log.blobs.items()
                    if (thread, ns) == (source_thread_id, namespace)
                ]
                for checkpoint_id, stored in builtins.list(found.items()):
                    key = (target_thread_id, namespace, checkpoint_id)
                    log.append("put", *put_fields(key, stored, blobs))
                    blobs = []
                    writes = log.writes.get((source_thread_id, namespace, checkpoint_id), {})
                    for (task, number), write in builtins.list(writes.items()):
                        entry = [(number, write.channel, write.value)]
                        log.append("writes", *write_fields(key, task, write.path, entry))

    def prune(self, thread_ids: Sequence[str], *, strategy: str = "keep_latest") -> None:
        """Forget all but the latest checkpoint of each namespace, or (``delete``) the threads."""
        with self._log.lock:
            self._log.refresh()
            for thread in thread_ids:
                if strategy == "delete":
                    self.delete_thread(thread)
                    continue
                for namespace, found in builtins.list(self._log.threads.get(thread, {}).items()):
                    for checkpoint_id in sorted(found)[:-1]:
                        self._log.append("drop", thread, namespace, checkpoint_id)

    def delete_for_runs(self, run_ids: Sequence[str]) -> None:
        """Forget the checkpoints of runs."""
        with self._log.lock:
            self._log.refresh()
            doomed = [
                (thread, namespace, checkpoint_id)
                for thread, namespaces in self._log.threads.items()
                for namespace, found in namespaces.items()
                for checkpoint_id, stored in found.items()
                if stored.run_id is not None and stored.run_id in run_ids
            ]
            for key in doomed:
                self._log.append("drop", *key)

    def sync(self) -> None:
        """Return once all checkpoints are on the disk."""
        self._log.sync()

    def close(self) -> None:
        """Give the file back."""
        self._log.close()

    # -- the same in an event loop: a line is appended in less time than a thread takes to start -----------------------

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """As `get_tuple`."""
        return self.get_tuple(config)

    async def alist(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,  # the interface's own name
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[CheckpointTuple]:
        """As `list`."""
        for found in self.list(config, filter=filter, before=before, limit=limit):
            yield found

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """As `put`."""
        return self.put(config, checkpoint, metadata, new_versions)

    async def aput_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        """As `put_writes`."""
        self.put_writes(config, writes, task_id, task_path)

    async def adelete_thread(self, thread_id: str) -> None:
        """As `delete_thread`."""
        self.delete_thread(thread_id)

    async def acopy_thread(self, source_thread_id: str, target_thread_id: str) -> None:
        """As `copy_thread`."""
        self.copy_thread(source_thread_id, target_thread_id)

    async def aprune(self, thread_ids: Sequence[str], *, strategy: str = "keep_latest") -> None:
        """As `prune`."""
        self.prune(thread_ids, strategy=strategy)

    async def adelete_for_runs(self, run_ids: Sequence[str]) -> None:
        """As `delete_for_runs`."""
        self.delete_for_runs(run_ids)


def _config(key: tuple[str, str, str]) -> RunnableConfig:
    thread, namespace, checkpoint_id = key
    return {"configurable": {"thread_id": thread, "checkpoint_ns": namespace, "checkpoint_id": checkpoint_id}}
