"""A node's pool, which is brought together with the other nodes' at every exchange."""

import contextlib
import json
import logging
import os
import socket
import threading
import time
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from lpcurr.checkpoint import Checkpoint
from lpcurr.checkpoint.file import checkpoint_bytes, checkpoint_of
from lpcurr.checkpoint.restoring import image_of_checkpoint
from lpcurr.curriculum.config import CurriculumConfig
from lpcurr.curriculum.curriculum import Curriculum
from lpcurr.curriculum.recording import apply_checked
from lpcurr.curriculum.resuming import check_generator, stored_config
from lpcurr.distributed.background import Background
from lpcurr.distributed.transport import Meeting, Transport, all_opened, check_positions, damage_told, sealed
from lpcurr.errors import ConfigError, ExchangeError
from lpcurr.generators import ListedTasks, TaskGenerator, TaskSource
from lpcurr.memory import layout, node_figures
from lpcurr.memory.shared_memory import Bytes
from lpcurr.pool.log import (
    PoolLog,
    assign_node,
    config_text_of,
    header_of,
    image_of,
    replace_config_text,
    separate_streams,
)
from lpcurr.pool.moment import Moment
from lpcurr.pool.pool import Pool

_logger = logging.getLogger("lpcurr")

_PLACE = f"{socket.gethostname()}, process {{}}"
_SAME_TASKS = "ids would mean other tasks here: give all nodes the same tasks"
_DEFAULT_LOG = 1 << 18  # 10 MB: 130,000 episodes between two exchanges


class NodePart(NamedTuple):
    """What one node gave to an exchange."""

    place: str  # host and process
    entries: int  # as many as the others were behind it
    bytes: int  # of them
    lost: int  # entries that had found no room in its log
    waited: float  # seconds that it waited for the others at the exchange before: the least at the slowest node


@dataclass(frozen=True)
class Exchange:
    """What an exchange was."""

    position: int  # how many there were before it
    seconds: float  # from its beginning until the pool had all entries
    sent: int  # bytes of this node's entries
    received: int  # bytes of all nodes' entries
    lost: int  # entries of this node that found no room in its log, and were undone
    waited: float  # seconds of it that went into waiting for the slowest node, and for the bytes
    nodes: tuple[NodePart, ...]  # what each node gave, in their order

    @property
    def entries(self) -> int:
        """Entries of all nodes."""
        return sum(node.entries for node in self.nodes)


class ReplicatedCurriculum(Curriculum):
    """A curriculum that several nodes share; made by :func:`join`.

    Processes of the node attach to its session, or get it pickled, and use it as any other curriculum; :meth:`sync`
    does nothing in them.

    Attributes:
        meeting: which node this is, and of how many; None in processes that do not speak for it.
        last_exchange: figures of the last :meth:`sync`, None before the first.
    """

    meeting: Meeting | None = None
    last_exchange: Exchange | None = None
    _transport: Transport | None = None
    _speaker = 0  # id of the process that does
    _sync_every: float | None = None
    _background: Background | None = None
    _left: list[str]  # nodes that have left
    _waited = 0.0  # seconds, at the last exchange
    _exchanging: contextlib.AbstractContextManager[Any]  # a lock, held by the thread that exchanges
    _failed = False  # the last exchange, which may have come through elsewhere

    def meet(self, transport: Transport) -> None:
        """Join other nodes by this transport: at first, and anew after some of them have died; on every rank.

        This node's entries since the last exchange go to the others with the next one, unless they had come through.

        Raises:
            ExchangeError: not all nodes came in time.
            ConfigError: the nodes' pools are of different sizes, or of different tasks; or the pool keeps no log.
        """
        if not transport.speaks:
            transport.share_session(None)
            return
        if self._background is not None:
            self._background.stop(leaves=False)
        self._meet(transport)
        self._speaker, self._left = os.getpid(), []
        if self._sync_every is not None:
            self._background = Background(self._exchange_in_background, self._sync_every)

    def _meet(self, transport: Transport) -> None:
        """Do what :meth:`meet` does, in whichever thread exchanges."""
        self._failed = True  # until all of this is done
        if self._transport is None:
            self._position, self._log, self._exchanging = -1, PoolLog(self._pool), threading.RLock()
            self._sent = self._pending = self._log.begin()
            self._base: Bytes = image_of(self._pool)
        meeting = transport.meet(self._position, lambda: _checkpoint_of(self._base, self._generator))
        if meeting.position == self._position + 1:  # the exchange that failed here came through elsewhere
            self._sent = self._pending
        if self._position < 0 and meeting.node > 0:
            separate_streams(self._pool, meeting.node)
        if meeting.checkpoint is not None:
            self._take(checkpoint_of(meeting.checkpoint, "the pool of the other nodes"))
        assign_node(self._base, meeting.node, meeting.nodes)
        self._log.install(self._base, self._sent)
        self._position, self._transport, self.meeting = meeting.position, transport, meeting
        self._failed = False
        transport.share_session(self.session_id)

    def sync(self) -> Exchange | None:
        """Exchange entries with the other nodes: afterwards all pools are equal, but for what is being played.

        Every node calls it equally often. The node's other processes wait for no longer than it takes to copy the pool.

        Returns:
            Figures of the exchange; None in a process that does not speak for its node.

        Raises:
            ExchangeError: a node did not answer in time; nothing is lost, and the pool can be used on. After that,
                :meth:`meet` with a new transport.
        """
        if not self._speaks:
            return None
        self._check_background()
        with self._exchanging:
            return self._exchange(leaves=False)

    @property
    def _speaks(self) -> bool:
        """Whether this process speaks for its node: a forked child does not."""
        return self._transport is not None and self._speaker == os.getpid()

    def _check_background(self) -> None:
        if self._background is not None and self._background.error is not None:
            raise self._background.error

    def _exchange_in_background(self, leaves: bool) -> bool:
        with self._exchanging:
            try:
                self._exchange(leaves)
            except ExchangeError:
                if self._left or self._transport is None or not self._transport.meets_anew:
                    raise
                self._meet(self._transport)
                if leaves:  # what was played since then must still reach the others
                    self._exchange(leaves)
            return not self._left

    def _exchange(self, leaves: bool) -> Exchange:
        assert self._transport is not None
        if self._left:
            raise ExchangeError(f"{', '.join(self._left)} has left; this node's entries are kept: meet() the others")
        if self._failed:
            raise ExchangeError("the last exchange failed; this node's entries are kept: meet() the others anew")
        began = time.perf_counter()
        entries, end, lost = self._log.read(self._sent)
        self._pending = end
        if lost:
            _logger.warning(
                "%d entries of this node found no room in its log and are undone: exchange more often, or give more "
                "than log_entries=%d",
                lost,
                self._log.capacity,
            )
        self._failed = True
        asked = time.perf_counter()
        position, place = self._position, _PLACE.format(os.getpid())
        about = {"place": place, "lost": lost, "waited": self._waited, "leaves": leaves, "position": position}
        own = sealed(entries, about)
        given = all_opened(self._transport.exchange(position, own), own, self.meeting)
        self._waited = time.perf_counter() - asked
        check_positions([of_node for _, of_node in given])
        # A signal handler may raise anywhere from here on. The pool that all share is therefore either that of before
        # or that of afterwards, and meet() installs it.
        base, parts = self._base.copy(), []
        for records, of_node in given:
            with damage_told():
                applied = apply_checked(base, records)
            parts.append(NodePart(of_node["place"], applied, records.nbytes, of_node["lost"], of_node["waited"]))
        self._keep_own_config(base)
        self._left = [of_node["place"] for _, of_node in given if of_node["leaves"]]
        self._base, self._sent, self._position = base, end, position + 1  # without a call in between
        lost = self._log.install(base, end)
        self._failed = False
        seconds, received = time.perf_counter() - began, sum(part.bytes for part in parts)
        exchange = Exchange(position, seconds, entries.nbytes, received, lost, self._waited, tuple(parts))
        self.last_exchange = exchange
        self._publish(exchange)
        return exchange

    def stats(self) -> dict[str, float]:
        """All figures for a dashboard, flat, with those of the last exchange where this process speaks for its node.

        Raises:
            ExchangeError: exchanges in the background have failed.
        """
        self._check_background()
        figures, exchange = super().stats(), self.last_exchange
        if exchange is None or self.meeting is None:
            return figures
        own = exchange.nodes[self.meeting.node]
        header = self._pool.state["header"][0]
        return figures | {
            "exchange/nodes": float(self.meeting.nodes),
            "exchange/count": float(exchange.position + 1),
            "exchange/seconds": exchange.seconds,
            "exchange/waited_seconds": exchange.waited,
            "exchange/bytes": float(exchange.received),
            "exchange/entries_behind": float(exchange.entries - own.entries),
            "exchange/entries_ahead": float(header["log_end"] - header["log_begin"]),
            "exchange/entries_lost": float(exchange.lost),
        }

    def close(self) -> None:
        """Leave the pool, and the other nodes where this process speaks for its own.

        In the background, there is a last exchange, after which the others exchange no more.
        """
        if self._transport is not None and self._speaks:
            if self._background is not None:
                self._background.stop(leaves=True)
            self._transport.close()
            self._transport = None
        super().close()

    def _publish(self, exchange: Exchange) -> None:
        """Leave an exchange's figures for those who look at the session from outside."""
        if self.session_id is None or self.meeting is None:
            return
        figures = {name: getattr(exchange, name) for name in ("position", "seconds", "received", "entries")}
        nodes = [part._asdict() for part in exchange.nodes]
        node_figures.write(self.session_id, figures | {"at": time.time(), "node": self.meeting.node, "nodes": nodes})

    def _take(self, checkpoint: Checkpoint) -> None:
        """Make the base of a checkpoint: content and scheduler; the rest of the configuration stays this node's."""
        if self._position < 0:  # later, lists may have grown by what others do not have yet
            check_generator(checkpoint, self._generator, _SAME_TASKS, may_have_grown=False)
        if checkpoint.description.capacity != self._pool.capacity:
            raise ConfigError(
                f"the other nodes' pool has {checkpoint.description.capacity} slots, and this one's "
                f"{self._pool.capacity}: give all nodes the same configuration"
            )
        config = stored_config(checkpoint, with_generator=False)
        if config.algorithm_config != self.config.algorithm_config:
            self.use(config.algorithm_config)
            if self._position < 0:
                self._sent = self._log.begin()
        image = image_of(self._pool)
        content = image_of_checkpoint(checkpoint, header_of(image)[0].copy(), self._pool.capacity, same_rules=True)
        image[: content.nbytes] = content.view(np.uint8)
        self._base = image

    def _keep_own_config(self, base: Bytes) -> None:
        """Of a configuration that came from another node, keep the scheduler alone: the session is this node's."""
        before, after = config_text_of(self._base), config_text_of(base)
        if after != before:
            stored = json.loads(before) | {"algorithm_config": json.loads(after)["algorithm_config"]}
            replace_config_text(base, json.dumps(stored).encode())


def join(
    config: CurriculumConfig,
    transport: Transport,
    task_generator: TaskSource | None = None,
    *,
    checkpoint: str | os.PathLike[str] | None = None,
    sync_every: float | None = None,
) -> ReplicatedCurriculum:
    """Make this node's pool and join the other nodes with it.

    All processes of all nodes that make the transport call it. Where pools differ, all go on from that of the node that
    has seen most exchanges; at the beginning from node 0's.

    Args:
        config: of the whole curriculum, the same on every node.
        transport: how entries are carried, such as
            :class:`lpcurr.distributed.torch_distributed.TorchDistributed`.
        task_generator: as for :class:`lpcurr.Curriculum`.
        checkpoint: what any node has saved, of a run on however many nodes; the file need be there for node 0 alone.
        sync_every: seconds after which a thread exchanges again, for as long as all nodes are there; by default only
            :meth:`~ReplicatedCurriculum.sync` does. Its errors are logged, and raised by the next ``sync()`` or
            ``stats()``.

    Raises:
        ValueError: ``sync_every`` is not above 0.
        ConfigError: the configuration has stages; or other nodes have another number of slots, or other tasks.
        ExchangeError: not all nodes came in time.
    """
    if sync_every is not None and not sync_every > 0:
        raise ValueError(f"sync_every={sync_every} is no number of seconds above 0")
    if config.stages:
        raise ConfigError("stages are for the pool of one machine: leave them out where nodes share it")
    if not transport.speaks:
        session_id = transport.share_session(None)
        if session_id is None:
            raise ExchangeError("the process that speaks for this node could not join: its own error says why")
        return ReplicatedCurriculum(config, task_generator, _pool=Pool.attach(session_id))
    config = config.model_copy(update={"log_entries": config.log_entries or _DEFAULT_LOG})
    curriculum: ReplicatedCurriculum | None = None
    try:
        if checkpoint is not None and os.path.exists(checkpoint):
            curriculum = ReplicatedCurriculum.load(checkpoint, task_generator, config=config)
        else:
            curriculum = ReplicatedCurriculum(config, task_generator)
        curriculum._sync_every = sync_every
        curriculum.meet(transport)
    except BaseException:
        with contextlib.suppress(ExchangeError):
            transport.share_session(None)
        if curriculum is not None:
            curriculum.close()
            curriculum.unlink()
        raise
    return curriculum


def _checkpoint_of(image: Bytes, generator: TaskGenerator | None) -> bytes:
    """Return the content of a checkpoint file of an image."""
    text = config_text_of(image)
    if isinstance(generator, ListedTasks):
        text = json.dumps(json.loads(text) | {"task_generator": generator.reference(len(generator))}).encode()
    dtype = layout.segment_dtype(int(header_of(image)["capacity"][0]))
    moment = Moment.of_state(image[: dtype.itemsize].view(dtype))
    return bytes(checkpoint_bytes(Checkpoint.of_moment(moment, text)))
