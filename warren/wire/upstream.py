"""Where requests are sent: one address, its open connections, and the errors of reaching it.

The class of error decides whether another cluster may be tried: ClusterUnreachable says that no byte was sent.
"""

import asyncio
import errno
import socket
import ssl
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from math import inf
from typing import Final

from warren.errors import ClusterFellSilent, ClusterUnreachable, GatewayError
from warren.wire.outbound import ClusterConnection, UpstreamCounts
from warren.wire.syntax.forwarded import Destination
from warren.wire.syntax.heads import MAX_FIELDS, MAX_HEAD
from warren.wire.ticker import Ticker
from warren.wire.tls import why

OURS: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.EADDRNOTAVAIL})
"""Errors of connecting that say something of this machine and nothing of the cluster."""

IDLE_CONNECTIONS: Final = 1000
"""Idle connections kept for one cluster; more are closed when they fall idle."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UpstreamLimits:
    """Settings of one upstream; seconds and bytes."""

    connect_timeout: float = 5.0
    idle_timeout: float = 60.0
    max_connections: int | None = None
    max_waiting: int = 1024
    max_head: int = MAX_HEAD
    max_fields: int = MAX_FIELDS


class Upstream:
    """One address that requests are sent to, and the connections to it that are open."""

    def __init__(
        self,
        name: str,
        *,
        host: str = "",
        port: int = 0,
        unix_path: str | None = None,
        prefix: bytes = b"",
        destination: Destination,
        tls: ssl.SSLContext | None = None,
        ticker: Ticker,
        limits: UpstreamLimits,
        on_trouble: Callable[[GatewayError], None] | None = None,
    ) -> None:
        """`name` is what errors call it. `on_trouble` hears of each refused connection and each silence."""
        self.name = name
        self.prefix = prefix
        self.destination = destination
        self.ticker = ticker
        self.limits = limits
        self.on_trouble = on_trouble
        self.counts = UpstreamCounts()
        self.closed = False
        self.idle: list[ClusterConnection] = []
        self.max_head = limits.max_head
        self.max_fields = limits.max_fields
        self._open: set[ClusterConnection] = set()
        self._connecting = 0
        self._address = (host, port)
        self._served_last = ""
        self._unix_path = unix_path
        self._tls = tls
        self._waiting: deque[asyncio.Future[None]] = deque()

    @property
    def open(self) -> int:
        """How many connections there are, idle ones included."""
        return len(self._open)

    @property
    def waiting(self) -> int:
        """How many requests wait for a connection, because their number is limited."""
        return len(self._waiting)

    def take(self) -> ClusterConnection | None:
        """An idle connection, the one used last; None when a fresh one is needed."""
        while self.idle:
            connection = self.idle.pop()
            if not connection.transport.is_closing():
                return connection
        return None

    def give_back(self, connection: ClusterConnection) -> None:
        if self.closed or len(self.idle) >= IDLE_CONNECTIONS:
            connection.transport.abort()
            return
        connection.idle_since = self.ticker.now
        self.idle.append(connection)
        if self._waiting:  # asked here: this is on the way of every poll
            self._wake_one()

    async def connect(self, *, fresh: bool = True, within: float = inf) -> ClusterConnection:
        """A connection, within the connect timeout and so many seconds; waits for its turn when the number is limited.

        Unless it must be `fresh`, one that became idle meanwhile serves. Raises ClusterUnreachable: nothing was sent.
        """
        try:
            return await self._connected(fresh=fresh, end=asyncio.get_running_loop().time() + within)
        except ClusterUnreachable:
            self.counts.unreachable += 1
            raise

    async def _connected(self, *, fresh: bool, end: float) -> ClusterConnection:
        loop, limit = asyncio.get_running_loop(), self.limits.connect_timeout
        try:
            async with asyncio.timeout_at(min(loop.time() + limit, end)):
                while self._is_full():
                    idle = self.take()
                    if idle is not None and not fresh:
                        return idle
                    if idle is not None:
                        idle.transport.abort()
                    await self._turn()
        except TimeoutError as error:
            raise ClusterUnreachable(
                f"{self.name}: no connection of {self.limits.max_connections} became free in time"
            ) from error
        self._connecting += 1
        try:
            within = min(limit, end - loop.time())
            until = loop.time() + within
            return await self._open_one(await self._addresses(until), until, within)
        finally:
            self._connecting -= 1
            self._wake_one()

    def tick(self, now: float) -> None:
        """Closes connections that were idle for too long. The oldest come first in the list."""
        limit = now - self.limits.idle_timeout
        while self.idle and self.idle[0].idle_since < limit:
            self.idle.pop(0).transport.abort()

    def close(self) -> None:
        """Idle connections are closed now, those in use when their answer has ended."""
        self.closed = True
        while self.idle:
            self.idle.pop().transport.abort()

    def opened(self, connection: ClusterConnection) -> None:
        self._open.add(connection)

    def lost(self, connection: ClusterConnection) -> None:
        self._open.discard(connection)
        if connection in self.idle:
            self.idle.remove(connection)
        self._wake_one()

    def silence(self, seconds: float) -> GatewayError:
        """The error of having taken a request and not answered in time."""
        return self._fell_silent(f"did not answer within {round(seconds, 2):g} s")

    def standstill(self) -> GatewayError:
        """The error of having stopped to take a request."""
        return self._fell_silent("stopped taking this request's body")

    def _fell_silent(self, what: str) -> GatewayError:
        self.counts.silent += 1
        return self._trouble(ClusterFellSilent(f"{self.name} {what}"))

    def _trouble(self, error: GatewayError) -> GatewayError:
        """Tell whoever watches over this cluster, and hand the error on."""
        if self.on_trouble is not None:
            self.on_trouble(error)
        return error

    async def _addresses(self, until: float) -> list[str]:
        """What the host's name means, the address that served last before the others. Trouble with names is not the cluster's."""
        if self._unix_path is not None:
            return [self._unix_path]
        host, port = self._address
        try:
            async with asyncio.timeout_at(until):
                found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except OSError as error:  # a TimeoutError is one
            reason = error.strerror or "the name server did not answer in time"
            raise ClusterUnreachable(f"{self.name}: the name {host} cannot be resolved: {reason}") from error
        # The system's order is its preference among those; a dictionary, for the same address may be told twice.
        addresses = list(dict.fromkeys(str(each[4][0]) for each in found))
        return sorted(addresses, key=lambda address: address != self._served_last)

    async def _open_one(self, addresses: list[str], until: float, within: float) -> ClusterConnection:
        """A connection to the first address that takes one. Each has its share of the time: the first may swallow all packets."""
        loop = asyncio.get_running_loop()
        for left in range(len(addresses), 0, -1):
            address = addresses[-left]
            try:
                async with asyncio.timeout_at(loop.time() + (until - loop.time()) / left):
                    connection = await self._open_at(address)
            except OSError as error:
                if left == 1:
                    raise self._why_unreachable(error, within) from error
            else:
                self._served_last = address
                return connection
        raise ClusterUnreachable(f"{self.name}: the name {self._address[0]} has no address")

    async def _open_at(self, address: str) -> ClusterConnection:
        loop = asyncio.get_running_loop()
        connection = ClusterConnection(self)
        try:
            if self._unix_path is not None:
                await loop.create_unix_connection(lambda: connection, address)
            else:
                host, port = self._address
                server_name = host if self._tls else None
                await loop.create_connection(
                    lambda: connection, address, port, ssl=self._tls, server_hostname=server_name
                )
        except BaseException:
            # uvloop closes a connection that was just made when this is cancelled, and tells nobody.
            if connection in self._open:
                connection.transport.abort()
                self.lost(connection)
            raise
        return connection

    def _why_unreachable(self, error: OSError, within: float) -> GatewayError:
        if error.errno in OURS:
            return ClusterUnreachable(f"this gateway cannot open another connection: {error.strerror}")
        if isinstance(error, TimeoutError):
            what = f"did not take the connection within {round(within, 2):g} s"
        elif isinstance(error, ssl.SSLError):
            what = f"could not agree on TLS: {why(error)}"
        else:
            what = f"could not be reached: {error.strerror or error}"
        return self._trouble(ClusterUnreachable(f"{self.name} {what}"))

    def _wake_one(self) -> None:
        while self._waiting:
            future = self._waiting.popleft()
            if not future.done():
                future.set_result(None)
                return

    def _is_full(self) -> bool:
        limit = self.limits.max_connections
        return limit is not None and len(self._open) + self._connecting >= limit

    async def _turn(self) -> None:
        """Wait until a connection has become idle, or one was closed."""
        if len(self._waiting) >= self.limits.max_waiting:
            raise ClusterUnreachable(
                f"{self.name}: all {self.limits.max_connections} connections are in use, "
                f"and {self.limits.max_waiting} requests wait"
            )
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():
                self._wake_one()  # it came too late for this one
            elif turn in self._waiting:  # else it was passed over already
                self._waiting.remove(turn)
            raise
