"""What the connections of one instance share: its service, limits, open connections, and the end of its service."""

import asyncio
import select
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Final, Protocol

import structlog

from warren.tasks import Tasks
from warren.wire.body import Budget
from warren.wire.client import NEVER, ClientCounts
from warren.wire.exchange import Exchange
from warren.wire.syntax.forwarded import Forwarding
from warren.wire.syntax.heads import MAX_FIELDS, MAX_HEAD
from warren.wire.ticker import Ticker

log = structlog.get_logger()

REMEMBERED_BLOCK: Final = 4096
"""Bytes of the largest field block that is remembered for the next request of its connection."""

AHEAD: Final = 64 * 1024
"""Bytes of the next requests that may wait while one is being answered."""

REFUSED_POLITELY: Final = 100
"""Connections above the limit that may be open at once to be told so; still others are closed without a word."""

LEFT: Final = select.POLLHUP | select.POLLERR | getattr(select, "POLLRDHUP", 0)
"""How a socket shows that its peer has shut its side. Linux tells with POLLRDHUP, others with POLLHUP."""


class Admission(Enum):
    """What becomes of a new connection."""

    SERVED = 1
    REFUSED = 2
    """Say so and close."""
    CUT = 3
    """Close without a word: too many are being told already."""


class Connection(Protocol):
    """A client's connection, as its instance sees it."""

    transport: asyncio.Transport
    deadline: float
    """Loop time at which `expired` is called."""

    @property
    def is_idle(self) -> bool:
        """No request of it is being answered."""

    def expired(self) -> None: ...

    def client_left(self) -> None:
        """The client has shut its side."""

    def drain(self) -> None:
        """Answer what is being asked, then close."""


class Service(Protocol):
    """Who decides about requests."""

    def requested(self, exchange: Exchange) -> None:
        """A request's head has arrived. Its body follows."""

    def refusal(self, status: int, sentence: str, accept: bytes | None) -> tuple[bytes, bytes]:
        """Content type and body of an answer that says what happened."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServingLimits:
    """Settings of the client side; seconds and bytes."""

    max_head: int = MAX_HEAD
    max_fields: int = MAX_FIELDS
    head_timeout: float = 20.0
    idle_timeout: float = 200.0
    body_idle: float = 60.0
    max_connections: int = 1_000_000


class Serving:
    """One per instance. Judges deadlines at every tick of the clock."""

    def __init__(
        self,
        service: Service,
        *,
        limits: ServingLimits,
        forwarding: Forwarding,
        budget: Budget,
        ticker: Ticker,
        tasks: Tasks,
    ) -> None:
        self.service = service
        self.limits = limits
        self.forwarding = forwarding
        self.budget = budget
        self.ticker = ticker
        self.tasks = tasks
        self.draining = False
        self.counts = ClientCounts()
        self.connections: set[Connection] = set()
        self.paused: set[Connection] = set()
        """Those that are not being read: the loop does not tell when their client leaves."""
        ticker.watch(self._tick)

    def admit(self, connection: Connection) -> Admission:
        """Whether there is room for one more."""
        self.connections.add(connection)
        over = len(self.connections) - self.limits.max_connections
        if over <= 0:
            return Admission.SERVED
        self.counts.refused += 1
        return Admission.REFUSED if over <= REFUSED_POLITELY else Admission.CUT

    def forget(self, connection: Connection) -> None:
        self.connections.discard(connection)
        self.paused.discard(connection)

    @property
    def under_way(self) -> int:
        """How many requests are being answered. It walks all connections, as each tick does."""
        return sum(not connection.is_idle for connection in self.connections)

    def announce_end(self) -> None:
        """From now on answers say `Connection: close`."""
        self.draining = True

    def drain(self) -> None:
        """Close idle connections, and each other one after the answer that it waits for."""
        self.draining = True
        for connection in list(self.connections):
            connection.drain()

    def _tick(self, now: float) -> None:
        for connection in [each for each in self.connections if each.deadline < now]:
            _tell(connection, connection.expired)
        if self.paused:
            for connection in _left(self.paused):
                _tell(connection, connection.client_left)


def _tell(connection: Connection, news: Callable[[], None]) -> None:
    """A connection that fails at it is cut: it must not keep the others from hearing theirs."""
    try:
        news()
    except Exception:
        log.exception("connection_failed")
        connection.deadline = NEVER
        connection.transport.abort()


def _left(connections: Iterable[Connection]) -> list[Connection]:
    """Those whose client has shut its side, although unread data may lie before that."""
    poll = select.poll()
    by_descriptor = {each.transport.get_extra_info("socket").fileno(): each for each in connections}
    by_descriptor.pop(-1, None)  # closed here already
    for descriptor in by_descriptor:
        poll.register(descriptor, LEFT)
    return [by_descriptor[descriptor] for descriptor, _ in poll.poll(0)]
