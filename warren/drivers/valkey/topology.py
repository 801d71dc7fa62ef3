"""Which server has a key: always the same one, the primary that Sentinels name, or the node of a Cluster."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

import structlog
from valkey.asyncio.connection import AbstractConnection
from valkey.crc import key_slot
from valkey.exceptions import ConnectionError as LibraryConnectionError
from valkey.exceptions import ValkeyError

from warren.drivers.valkey.connecting import Address, Connector
from warren.drivers.valkey.pool import Command, Pool, PoolLimits
from warren.drivers.valkey.replies import ELSEWHERE, Refusal, Reply
from warren.errors import StoreUnavailable
from warren.pauses import Pauses
from warren.settings.stores.valkey import ValkeyServer
from warren.telemetry.few_lines import FewLines

log = structlog.get_logger()

FIRST_PAUSE_SECONDS = 0.1
"""Pause before a Cluster that could not say who serves what is asked again; it doubles up to the health interval."""
SLOTS = 16384
CLUSTER = "the Valkey Cluster"
"""What logs call all of its nodes together."""


class Server(Protocol):
    """One server that holds keys."""

    @property
    def name(self) -> str: ...

    @property
    def pool(self) -> Pool: ...

    async def ask(self, commands: Sequence[Command], *, within: float) -> list[Reply]:
        """As `Pool.ask`, which see."""
        ...

    async def fill(self, *, within: float) -> None:
        """As `Pool.fill`."""
        ...


class Servers(Protocol):
    """Who holds what."""

    def of(self, key: bytes) -> Server:
        """The server of a key. Raises StoreUnavailable while that is not known."""
        ...

    def all(self) -> Sequence[Server]: ...

    async def run(self, changed: Callable[[], None]) -> None:
        """Keep up with changes, until cancelled; `changed` is called after each."""
        ...

    def trouble(self) -> str:
        """Why it is not known who serves what; empty when it is."""
        ...

    async def close(self) -> None: ...


def servers(settings: ValkeyServer) -> Servers:
    """Connects to nothing yet."""
    connector = Connector(settings)
    match settings.kind:
        case "cluster":
            return Cluster(settings, connector)
        case "sentinel":
            return OneServer(Primary(settings, connector))
        case "single":
            return OneServer(Single(settings, connector))


class OneServer:
    """All keys are with one server."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def of(self, key: bytes) -> Server:
        return self._server

    def all(self) -> Sequence[Server]:
        return (self._server,)

    async def run(self, changed: Callable[[], None]) -> None:
        await asyncio.Event().wait()

    def trouble(self) -> str:
        return ""

    async def close(self) -> None:
        await self._server.pool.close()


class Single:
    """A server at a fixed address."""

    def __init__(self, settings: ValkeyServer, connector: Connector, address: Address | None = None) -> None:
        place = address or settings.addresses[0]
        self.name = shown(place)
        self.pool = Pool(self.name, lambda: connector.to(place), limits_of(settings))

    async def ask(self, commands: Sequence[Command], *, within: float) -> list[Reply]:
        return await self.pool.ask(commands, within=within)

    async def fill(self, *, within: float) -> None:
        await self.pool.fill(within=within)


class Primary:
    """The server that the Sentinels call the primary, at the moment at which a connection is opened."""

    def __init__(self, settings: ValkeyServer, connector: Connector) -> None:
        self.name = f"{settings.master} by Sentinel"
        self.pool = Pool(self.name, Sentinels(settings, connector).connect, limits_of(settings))

    async def ask(self, commands: Sequence[Command], *, within: float) -> list[Reply]:
        replies = await self.pool.ask(commands, within=within)
        demoted = next((each for each in replies if isinstance(each, Refusal) and each.code == "READONLY"), None)
        if demoted is not None:
            # It was the primary when these connections were opened.
            await self.pool.close_idle()
            raise StoreUnavailable(f"{self.name}: {demoted.words}")
        return replies

    async def fill(self, *, within: float) -> None:
        await self.pool.fill(within=within)


class Sentinels:
    """They know which server is the primary."""

    def __init__(self, settings: ValkeyServer, connector: Connector) -> None:
        self._connector = connector
        self._master = (settings.master or "").encode("utf-8")
        self._addresses = list(settings.addresses)

    async def connect(self) -> AbstractConnection:
        """A connection to the primary. Raises what the library raises."""
        return await self._connector.to(await self._primary())

    async def _primary(self) -> Address:
        """What the first Sentinel says that answers. One that hangs is asked last from then on."""
        said = "none answers"
        for sentinel in list(self._addresses):
            # Until it has answered: the call that wants a connection may end at any await.
            self._addresses.remove(sentinel)
            self._addresses.append(sentinel)
            try:
                address = await self._asked(sentinel)
            except (ValkeyError, OSError, ValueError) as error:
                said = str(error)
                continue
            if address is not None:
                self._addresses.remove(sentinel)
                self._addresses.insert(0, sentinel)
                return address
            said = f"{shown(sentinel)} knows no master of this name"
        raise LibraryConnectionError(f"the Sentinels name no primary: {said}")

    async def _asked(self, sentinel: Address) -> Address | None:
        connection = await self._connector.to_sentinel(sentinel)
        try:
            await connection.send_command("SENTINEL", "GET-MASTER-ADDR-BY-NAME", self._master)
            reply = await connection.read_response(disable_decoding=True)
        finally:
            await connection.disconnect(nowait=True)
        return address_of(reply) if reply is not None else None


class Cluster:
    """The nodes of a Valkey Cluster; which of them has a slot is asked when one does not answer as expected."""

    def __init__(self, settings: ValkeyServer, connector: Connector) -> None:
        self._settings = settings
        self._connector = connector
        self._nodes: dict[Address, Single] = {}
        self._owners: list[Address | None] = [None] * SLOTS
        self._stale = asyncio.Event()
        self._stale.set()
        self._error = "it has not been asked yet who serves what"
        self._is_lost = False
        self._lines = FewLines(time.monotonic)

    def of(self, key: bytes) -> Server:
        address = self._owners[key_slot(key)]
        if address is None:
            self._stale.set()
            raise StoreUnavailable(f"{CLUSTER}: {self._error}")
        return _Node(self._nodes[address], self._stale)

    def all(self) -> Sequence[Server]:
        return [_Node(node, self._stale) for node in self._nodes.values()]

    async def run(self, changed: Callable[[], None]) -> None:
        pauses = Pauses(FIRST_PAUSE_SECONDS, self._settings.health_check_seconds)
        while True:
            try:
                async with asyncio.timeout(self._settings.health_check_seconds):
                    await self._stale.wait()
            except TimeoutError:
                pass  # nobody complained; nodes may have come or moved all the same
            self._stale.clear()
            before = self._owners
            if await self.refresh():
                if self._owners != before:
                    changed()
                self._tell(is_lost=False)
                pauses.restart()
            else:
                self._stale.set()
                self._tell(is_lost=True)
            # However much goes wrong, the nodes are not asked in a tight loop.
            await asyncio.sleep(pauses.next())

    async def refresh(self) -> bool:
        """Ask who serves what; False when nobody could say."""
        known = list(self._nodes)
        random.shuffle(known)
        for address in dict.fromkeys([*known, *self._settings.addresses]):
            node = self._nodes.get(address) or Single(self._settings, self._connector, address)
            try:
                replies = await node.ask([(b"CLUSTER", b"SLOTS")], within=self._settings.timeout_or_interval)
                owners = owners_of(replies[0], asked=address)
            except (StoreUnavailable, ValueError) as error:
                self._error = str(error)
                continue
            finally:
                if address not in self._nodes:
                    await node.pool.close()
            await self._follow(owners)
            return True
        return False

    def trouble(self) -> str:
        return "" if any(self._owners) else self._error

    async def close(self) -> None:
        await asyncio.gather(*(node.pool.close() for node in self._nodes.values()))

    def _tell(self, *, is_lost: bool) -> None:
        if is_lost == self._is_lost:
            return
        self._is_lost = is_lost
        if (more := self._lines.one_more()) is None:
            return
        if is_lost:
            log.warning("distributed_cache_lost", server=CLUSTER, because=self._error, **more)
        else:
            log.info("distributed_cache_back", server=CLUSTER, **more)

    async def _follow(self, owners: list[Address | None]) -> None:
        wanted = {address for address in owners if address is not None}
        for address in wanted - self._nodes.keys():
            self._nodes[address] = Single(self._settings, self._connector, address)
        self._owners = owners
        self._error = "no node serves this key"
        for address in self._nodes.keys() - wanted:
            await self._nodes.pop(address).pool.close()


class _Node:
    """A node of a Cluster: what goes wrong there makes the Cluster ask anew who serves what."""

    def __init__(self, node: Single, stale: asyncio.Event) -> None:
        self._node = node
        self._stale = stale

    @property
    def name(self) -> str:
        return self._node.name

    @property
    def pool(self) -> Pool:
        return self._node.pool

    async def ask(self, commands: Sequence[Command], *, within: float) -> list[Reply]:
        with self._doubting():
            replies = await self._node.ask(commands, within=within)
        if any(isinstance(reply, Refusal) and reply.code in ELSEWHERE for reply in replies):
            self._stale.set()
        return replies

    async def fill(self, *, within: float) -> None:
        with self._doubting():
            await self._node.fill(within=within)

    @contextmanager
    def _doubting(self) -> Iterator[None]:
        try:
            yield
        except StoreUnavailable:
            self._stale.set()
            raise


def to_any(settings: ValkeyServer) -> Callable[[], Awaitable[AbstractConnection]]:
    """What connects to a server that passes on announcements: the one there is, the primary, or any node of a Cluster."""
    connector = Connector(settings)
    if settings.kind == "sentinel":
        return Sentinels(settings, connector).connect

    addresses = list(settings.addresses)

    async def connect() -> AbstractConnection:
        """One that hangs is tried last from then on: the caller's deadline may end this at any await."""
        errors: list[Exception] = []
        for address in list(addresses):
            addresses.remove(address)
            addresses.append(address)
            try:
                connection = await connector.to(address)
            except (ValkeyError, OSError) as error:
                errors.append(error)
                continue
            addresses.remove(address)
            addresses.insert(0, address)
            return connection
        raise errors[0]

    return connect


def limits_of(settings: ValkeyServer) -> PoolLimits:
    return PoolLimits(max_total=settings.max_total, max_idle=settings.max_idle, min_idle=settings.min_idle)


def shown(address: Address) -> str:
    host, port = address
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def address_of(reply: object, *, asked: Address | None = None) -> Address:
    """Host and port as servers tell them. Raises ValueError for anything else."""
    match reply:
        case [(bytes() | None) as host, (bytes() | int()) as port, *_] if len(host or b"") <= 255:
            name = (host or b"").decode("ascii")  # UnicodeDecodeError is a ValueError
            number = int(port)
            if not name and asked is not None:
                name = asked[0]  # "the same as you have asked"
            if name and 1 <= number <= 65535:
                return name, number
    raise ValueError("the address of a server cannot be read")


def owners_of(reply: Reply, *, asked: Address) -> list[Address | None]:
    """From `CLUSTER SLOTS` to the primary of each slot. Raises ValueError when it cannot be read."""
    if isinstance(reply, Refusal):
        raise ValueError(reply.words)
    if not isinstance(reply, list):
        raise ValueError("its answer to CLUSTER SLOTS cannot be read")
    owners: list[Address | None] = [None] * SLOTS
    for entry in reply:
        match entry:
            case [int() as first, int() as last, primary, *_] if 0 <= first <= last < SLOTS:
                owners[first : last + 1] = [address_of(primary, asked=asked)] * (last - first + 1)
            case _:
                raise ValueError("its answer to CLUSTER SLOTS cannot be read")
    if not any(owners):
        raise ValueError("it serves no slots")
    return owners
