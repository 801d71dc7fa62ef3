"""The sockets that clients connect to: bound before an instance is built, taken from while it serves."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass

LISTEN_BACKLOG = 4096


@dataclass(frozen=True, slots=True)
class Listening:
    """A socket that clients connect to; `secure` when they speak TLS on it."""

    socket: socket.socket
    secure: bool


Serve = Callable[[Listening], Awaitable[asyncio.Server]]


class Doors:
    """From which sockets one instance takes connections.

    A worker of several has the sockets of all of them, and is told whose to take from; an instance alone has its own.
    """

    def __init__(self, slots: Mapping[int, tuple[Listening, ...]], *, own: int, opened: Collection[int]) -> None:
        """The sockets are this object's from now on. `opened` are the slots to take from once it is `open`."""
        self.own = slots[own]
        self._slots = slots
        self._wanted = frozenset(opened)
        self._serve: Serve | None = None
        self._servers: dict[int, list[asyncio.Server]] = {}
        self._changing = asyncio.Lock()

    @classmethod
    def alone(cls, listening: tuple[Listening, ...]) -> "Doors":
        return cls({1: listening}, own=1, opened=(1,))

    @property
    def are_open(self) -> bool:
        """Between `open` and `close`."""
        return self._serve is not None

    async def open(self, serve: Serve) -> None:
        """Take connections from now on. `serve` starts a server on a duplicate of the socket, which becomes its own."""
        self._serve = serve
        await self._follow()

    async def take_from(self, slots: Collection[int]) -> None:
        """Take from these slots and no others; before `open` this is a wish. Nobody in a queue is lost by a change:
        whoever else has the socket goes on there."""
        self._wanted = frozenset(slots)
        await self._follow()

    def close(self) -> None:
        """Take no connection any more. Where nobody else has the sockets, clients are refused from now on."""
        self._serve = None
        for slot in list(self._servers):
            self._leave(slot)
        for sockets in self._slots.values():
            for listening in sockets:
                listening.socket.close()

    async def _follow(self) -> None:
        async with self._changing:
            for slot in self._servers.keys() - self._wanted:
                self._leave(slot)
            for slot in sorted(self._wanted - self._servers.keys()):
                await self._take(slot)

    async def _take(self, slot: int) -> None:
        """All of the slot's sockets or none."""
        servers = self._servers[slot] = list[asyncio.Server]()
        try:
            for listening in self._slots[slot]:
                if (serve := self._serve) is not None:  # else: not open yet, or closed meanwhile
                    servers.append(await _started(serve, listening))
        except OSError:
            self._leave(slot)
            raise
        if not self.are_open:
            self._leave(slot)
            _close(servers)

    def _leave(self, slot: int) -> None:
        _close(self._servers.pop(slot, ()))


async def _started(serve: Serve, listening: Listening) -> asyncio.Server:
    own = Listening(listening.socket.dup(), listening.secure)
    try:
        return await serve(own)
    except OSError:
        own.socket.close()
        raise


def _close(servers: Collection[asyncio.Server]) -> None:
    for server in servers:
        server.close()
