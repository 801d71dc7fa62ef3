"""A stage for conversations: hand-written client and cluster on real sockets, and the gateway between them."""

import asyncio
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from warren.errors import GatewayError
from warren.tasks import Tasks
from warren.wire.body import Budget
from warren.wire.exchange import Exchange
from warren.wire.inbound import ClientConnection
from warren.wire.serving import Serving, ServingLimits
from warren.wire.syntax.forwarded import Destination, Forwarding
from warren.wire.ticker import Ticker
from warren.wire.upstream import Upstream, UpstreamLimits

PATIENCE = 5.0
"""Seconds after which a test that waits for something has failed."""

FORWARDING = Forwarding(pseudonym=b"warren-1")

RESET = struct.pack("ii", 1, 0)


async def until(happened: Callable[[], bool]) -> None:
    """Let the loop turn until it has happened. Raises TimeoutError."""
    async with asyncio.timeout(PATIENCE):
        while not happened():  # noqa: ASYNC110  # what is waited for happens in transports, which set no event
            await asyncio.sleep(0.001)


class Talker:
    """One end of a connection, by raw bytes: reads nothing that it was not asked to read."""

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        self._sock = sock
        self._loop = asyncio.get_running_loop()
        self._ahead = b""  # read, and not asked for yet

    async def sends(self, data: bytes) -> None:
        async with asyncio.timeout(PATIENCE):
            await self._loop.sock_sendall(self._sock, data)

    def sends_at_most(self, data: bytes) -> int:
        """How many bytes the connection takes at this moment."""
        try:
            return self._sock.send(data)
        except BlockingIOError:
            return 0

    async def some(self, most: int = 1 << 20) -> bytes:
        """What is there, once something is; empty when the other side has closed. Raises ConnectionResetError."""
        if self._ahead:
            got, self._ahead = self._ahead[:most], self._ahead[most:]
            return got
        async with asyncio.timeout(PATIENCE):
            return await self._loop.sock_recv(self._sock, most)

    async def exactly(self, size: int) -> bytes:
        got = b""
        while len(got) < size:
            piece = await self.some(size - len(got))
            assert piece, f"closed after {got!r}"
            got += piece
        return got

    async def gets(self, expected: bytes) -> None:
        """The next bytes are these."""
        got = b""
        while got != expected and expected.startswith(got):
            piece = await self.some(len(expected) - len(got))
            got += piece
            if not piece:
                break
        assert got == expected

    async def head(self) -> bytes:
        """The next bytes up to and with an empty line."""
        got = b""
        while b"\r\n\r\n" not in got:
            piece = await self.some(4096)
            assert piece, f"closed after {got!r}"
            got += piece
        head, end, self._ahead = got.partition(b"\r\n\r\n")
        return head + end

    async def message(self) -> tuple[bytes, bytes]:
        """The next head, and the body whose length it tells."""
        head = await self.head()
        _, found, rest = head.lower().partition(b"content-length:")
        return head, await self.exactly(int(rest.split(b"\r\n")[0])) if found else b""

    async def is_closed(self) -> None:
        """The other side has closed in an orderly way, and sent nothing more."""
        assert await self.some() == b""

    async def everything(self) -> bytes:
        """All until the other side closes in an orderly way."""
        got = b""
        while piece := await self.some():
            got += piece
        return got

    async def is_cut(self) -> bytes:
        """The connection is reset; what came before that."""
        got = b""
        try:
            while piece := await self.some():
                got += piece
        except ConnectionResetError:
            return got
        raise AssertionError(f"an orderly end after {got!r}")

    async def is_gone(self) -> None:
        """The other side has closed, in whatever way."""
        try:
            while await self.some():
                pass
        except ConnectionResetError:
            pass

    def has_nothing(self) -> bool:
        if self._ahead:
            return False
        try:
            self._sock.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return True
        return False

    def shuts_its_side(self) -> None:
        self._sock.shutdown(socket.SHUT_WR)

    def leaves(self) -> None:
        self._sock.close()

    def resets(self) -> None:
        self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        self._sock.close()


class Listener:
    """A cluster, or whatever else can be connected to."""

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        self._sock = sock
        self._talkers: list[Talker] = []

    @property
    def port(self) -> int:
        return int(self._sock.getsockname()[1])

    async def accepts(self) -> Talker:
        async with asyncio.timeout(PATIENCE):
            sock, _ = await asyncio.get_running_loop().sock_accept(self._sock)
        talker = Talker(sock)
        self._talkers.append(talker)
        return talker

    def has_no_caller(self) -> bool:
        """Nobody has connected who was not accepted yet."""
        try:
            sock, _ = self._sock.accept()
        except BlockingIOError:
            return True
        sock.close()
        return False

    def close(self) -> None:
        self.closes()

    def closes(self) -> None:
        self._sock.close()
        for talker in self._talkers:
            talker.leaves()


def listening(
    address: str = "127.0.0.1", *, port: int = 0, backlog: int = 16, receive_buffer: int | None = None
) -> Listener:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    if receive_buffer is not None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    sock.bind((address, port))
    sock.listen(backlog)
    return Listener(sock)


def listening_socket(*, dual_stack: bool) -> socket.socket:
    """With `dual_stack` of both families, as the gateway's is where nobody says otherwise, though on loopback only."""
    sock = socket.socket(socket.AF_INET6 if dual_stack else socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    if dual_stack:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    sock.bind(("::ffff:127.0.0.1" if dual_stack else "127.0.0.1", 0))
    return sock


def listening_on_path(path: Path) -> Listener:
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    sock.bind(str(path))
    sock.listen(16)
    return Listener(sock)


@dataclass
class Script:
    """The service: forwards everything to the stage's cluster, unless a test says otherwise."""

    decide: Callable[[Exchange], None]
    remembers: bool = True
    """Keep the exchanges that are over, in `ended`."""
    ended: list[Exchange] = field(default_factory=list)

    def requested(self, exchange: Exchange) -> None:
        if self.remembers:
            exchange.on_end = self.ended.append
        self.decide(exchange)

    def refusal(self, status: int, sentence: str, accept: bytes | None) -> tuple[bytes, bytes]:
        return b"text/plain", sentence.encode()


@dataclass
class Stage:
    """What a test sees of the gateway."""

    port: int
    cluster: Listener
    upstream: Upstream
    serving: Serving
    script: Script
    ticker: Ticker
    talkers: list[Talker] = field(default_factory=list)
    troubles: list[GatewayError] = field(default_factory=list)
    upstreams: list[Upstream] = field(default_factory=list)

    @property
    def connections(self) -> list[ClientConnection]:
        return [each for each in self.serving.connections if isinstance(each, ClientConnection)]

    async def client(self, *, receive_buffer: int | None = None) -> Talker:
        """A client that has connected."""
        sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        if receive_buffer is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        talker = Talker(sock)
        self.talkers.append(talker)
        async with asyncio.timeout(PATIENCE):
            await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", self.port))
        return talker

    def another(self, listener: Listener) -> Upstream:
        """One more cluster."""
        upstream = make_upstream(self.ticker, "green", port=listener.port, on_trouble=self.troubles.append)
        self.upstreams.append(upstream)
        return upstream

    async def is_empty(self) -> None:
        """Every client's connection is gone."""
        await until(lambda: not self.serving.connections)

    def time_passes(self, seconds: float) -> None:
        """The clock moves, and every deadline is judged."""
        self.ticker.tick(self.ticker.now + seconds)


def make_upstream(
    ticker: Ticker,
    name: str = "blue",
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    unix_path: str | None = None,
    limits: UpstreamLimits | None = None,
    on_trouble: Callable[[GatewayError], None] | None = None,
) -> Upstream:
    return Upstream(
        name,
        host=host,
        port=port,
        unix_path=unix_path,
        destination=Destination(host=b"blue:8080"),
        ticker=ticker,
        limits=limits or UpstreamLimits(),
        on_trouble=on_trouble,
    )


@asynccontextmanager
async def stage(
    decide: Callable[[Exchange], None] | None = None,
    *,
    limits: ServingLimits | None = None,
    upstream_limits: UpstreamLimits | None = None,
    upstream: Callable[[Ticker], Upstream] | None = None,
    cluster: Listener | None = None,
    budget: int = 1 << 20,
    tls: ssl.SSLContext | None = None,
    dual_stack: bool = False,
    forwarding: Forwarding = FORWARDING,
) -> AsyncIterator[Stage]:
    """A gateway in front of one cluster. At its end nothing may be left open."""
    cluster = cluster or listening()
    async with asyncio.TaskGroup() as group:
        ticker = Ticker()
        troubles: list[GatewayError] = []
        to = (
            upstream(ticker)
            if upstream
            else make_upstream(ticker, port=cluster.port, limits=upstream_limits, on_trouble=troubles.append)
        )
        ticker.watch(to.tick)
        script = Script(decide or (lambda exchange: exchange.forward_to(to, 10.0)))
        serving = Serving(
            script,
            limits=limits or ServingLimits(),
            forwarding=forwarding,
            budget=Budget(budget),
            ticker=ticker,
            tasks=Tasks(group),
        )
        server = await asyncio.get_running_loop().create_server(
            lambda: ClientConnection(serving), sock=listening_socket(dual_stack=dual_stack), ssl=tls
        )
        shown = Stage(
            server.sockets[0].getsockname()[1], cluster, to, serving, script, ticker, troubles=troubles, upstreams=[to]
        )
        try:
            yield shown
            for talker in shown.talkers:
                talker.leaves()
            await until(lambda: not serving.connections)
            for each in shown.upstreams:
                each.close()
            await until(lambda: not any(each.open for each in shown.upstreams))
            assert serving.budget.left == budget, "a kept body was not given back"
        finally:
            server.close()
            await server.wait_closed()
            cluster.closes()
            for talker in shown.talkers:
                talker.leaves()
