"""Connections to one Valkey server: how many, which are kept, and that none which went wrong is used again."""

import asyncio
import ssl
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from valkey.asyncio.connection import AbstractConnection
from valkey.exceptions import InvalidResponse, ResponseError, ValkeyError
from valkey.exceptions import TimeoutError as LibraryTimeout

from warren.drivers.valkey.replies import LONGEST_WORDS, UNUSABLE, Refusal, Reply, refusal
from warren.errors import StoreSilent, StoreUnavailable

Command = tuple[bytes, ...]

KINDS = frozenset({bytes, int, list, Refusal, type(None)})
"""Of replies in RESP2. The library's parser takes those of RESP3 as well, for which nobody has asked here."""

GOODBYE_SECONDS = 0.5
"""How long taking leave of a server may take: TLS says a word at the end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolLimits:
    """Connections of one process to one server."""

    max_total: int = 20
    """At most so many at a time; further calls wait, within their own deadline."""
    max_idle: int = 10
    """More are closed when they fall idle."""
    min_idle: int = 5
    """So many are opened before they are needed."""


class Pool:
    """Raises only StoreUnavailable, and of that StoreSilent when the deadline has passed.

    A call that did not get all of its replies never gives its connection back: the replies that are still to come would
    be taken for those of another call, and a crossed answer is a wrong cluster.
    """

    def __init__(self, name: str, connect: Callable[[], Awaitable[AbstractConnection]], limits: PoolLimits) -> None:
        """`name` says for people which server it is. `connect` makes a connection that is ready for commands."""
        self.name = name
        self._connect = connect
        self._limits = limits
        self._idle: list[AbstractConnection] = []
        self._open = 0
        self._waiting: deque[asyncio.Future[AbstractConnection | None]] = deque()
        self._closed = False

    @property
    def in_use(self) -> int:
        return self._open - len(self._idle)

    @property
    def idle(self) -> int:
        return len(self._idle)

    async def ask(self, commands: Sequence[Command], *, within: float) -> list[Reply]:
        """Send the commands in one go, and the reply to each; all of it, connecting included, within so many seconds.

        They must be such as may be sent twice: a kept connection may have been closed by the server meanwhile, and then
        they go out again on a fresh one.
        """
        with our_errors(self.name, within):
            async with asyncio.timeout(within):
                try:
                    replies = await self._ask(commands, fresh=False)
                except _Stale:
                    await self.close_idle()
                    replies = await self._ask(commands, fresh=True)
        for reply in replies:
            if isinstance(reply, Refusal) and reply.code in UNUSABLE:
                raise StoreUnavailable(f"{self.name}: {reply.words}")
        return replies

    async def fill(self, *, within: float) -> None:
        """Open connections until there are as many as are to be kept ready."""
        with our_errors(self.name, within):
            async with asyncio.timeout(within):
                while self._open < self._limits.min_idle and not self._closed:
                    self._open += 1
                    try:
                        connection = await self._connect()
                    except BaseException:
                        self._gone()
                        raise
                    await self._give_back(connection)

    async def close(self) -> None:
        """Close the idle connections, taking leave of the server, and those in use when their call ends. Never fails."""
        self._closed = True
        leaving, self._idle = self._idle, []
        with suppress(TimeoutError):
            async with asyncio.timeout(GOODBYE_SECONDS):
                await asyncio.gather(*(connection.disconnect() for connection in leaving), return_exceptions=True)
        for _ in leaving:
            self._gone()

    async def _ask(self, commands: Sequence[Command], *, fresh: bool) -> list[Reply]:
        connection, reused = await self._taken(fresh=fresh)
        try:
            await connection.send_packed_command(packed(commands), check_health=False)
            replies = await _replies(connection, len(commands))
        except BaseException as error:
            await self._drop(connection)
            if reused and isinstance(error, ValkeyError | OSError) and not isinstance(error, LibraryTimeout):
                raise _Stale from error
            raise
        await self._give_back(connection)
        return replies

    async def _taken(self, *, fresh: bool) -> tuple[AbstractConnection, bool]:
        """A connection for one call alone, to be dropped or given back; and whether it was used before."""
        connection = await self._turn()
        if connection is not None and fresh:
            await connection.disconnect(nowait=True)
            connection = None
        if connection is not None:
            return connection, True
        try:
            return await self._connect(), False
        except BaseException:
            self._gone()
            raise

    async def _turn(self) -> AbstractConnection | None:
        """A connection that was used before; None when there is room for another, which is counted as open already.

        Whoever waits is handed what another gives back, so that nobody who comes later overtakes.
        """
        if self._idle:
            return self._idle.pop()
        if self._open < self._limits.max_total:
            self._open += 1
            return None
        turn: asyncio.Future[AbstractConnection | None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            return await turn
        except asyncio.CancelledError:
            if turn.cancelled():
                with suppress(ValueError):  # it was passed over already
                    self._waiting.remove(turn)
            elif (connection := turn.result()) is not None:  # it came too late for this one
                await self._give_back(connection)
            else:
                self._gone()
            raise

    async def _give_back(self, connection: AbstractConnection) -> None:
        if not self._closed and self._hand_over(connection):
            return
        if self._closed or len(self._idle) >= self._limits.max_idle:
            await self._drop(connection)
        else:
            self._idle.append(connection)

    async def close_idle(self) -> None:
        while self._idle:
            await self._drop(self._idle.pop())

    async def _drop(self, connection: AbstractConnection) -> None:
        self._gone()
        await connection.disconnect(nowait=True)

    def _gone(self) -> None:
        if not self._hand_over(None):
            self._open -= 1

    def _hand_over(self, connection: AbstractConnection | None) -> bool:
        """To who has waited longest: a connection, or the room for one. False when nobody waits."""
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(connection)
                return True
        return False


class _Stale(Exception):
    """A kept connection turned out to be closed, or in a state that only a fresh one can mend."""


class our_errors:  # used like a function; a generator would cost more than what it guards
    """Whatever the library and the system raise becomes StoreUnavailable at this door."""

    __slots__ = ("_name", "_within")

    def __init__(self, name: str, within: float) -> None:
        self._name = name
        self._within = within

    def __enter__(self) -> None:
        pass

    def __exit__(self, _kind: object, error: BaseException | None, _traceback: object) -> None:
        match error:
            case None | StoreUnavailable():
                pass
            case TimeoutError() | LibraryTimeout():
                raise StoreSilent(f"{self._name} did not answer within {self._within:g} s") from error
            case Exception():
                # Deliberately all: on garbage the library raises ValueError, IndexError and more of the kind.
                raise StoreUnavailable(f"{self._name}: {in_words(error)}") from error


def packed(commands: Sequence[Command]) -> bytes:
    """The commands as the protocol (RESP) writes them."""
    return b"".join(
        [
            b"*%d\r\n%b" % (len(command), b"".join([b"$%d\r\n%b\r\n" % (len(part), part) for part in command]))
            for command in commands
        ]
    )


async def _replies(connection: AbstractConnection, count: int) -> list[Reply]:
    replies: list[Reply] = []
    for _ in range(count):
        try:
            reply = await connection.read_response(disable_decoding=True)
        except ResponseError as error:
            reply = refusal(error)
        if type(reply) not in KINDS:
            raise InvalidResponse(f"a reply of another protocol: {type(reply).__name__}")
        replies.append(reply)
    return replies


def in_words(error: BaseException) -> str:
    """What went wrong, for people: short, printable, and never a password: servers do not repeat those."""
    if isinstance(error, ssl.SSLCertVerificationError):
        said = f"its certificate is not trusted: {error.verify_message}"
    else:
        said = str(error) or type(error).__name__
    return "".join(each if each.isprintable() else " " for each in said)[:LONGEST_WORDS]
