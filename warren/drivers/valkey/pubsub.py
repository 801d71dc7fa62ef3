"""Telling all who listen, and hearing what others tell: one channel of Valkey's publish and subscribe."""

import asyncio
from collections.abc import Callable

from valkey.asyncio.connection import AbstractConnection

from warren.drivers.valkey.pool import Pool, PoolLimits, our_errors
from warren.drivers.valkey.replies import Refusal
from warren.drivers.valkey.topology import to_any
from warren.errors import StoreUnavailable
from warren.settings.stores.valkey import ValkeyServer

QUIET_SECONDS = 10.0
"""After so long without a word the server is asked whether it still lives: a dead connection is as quiet as a good one."""


class ValkeyChannel:
    """A channel, on whichever server answers. In a Cluster every node passes on what any of them is told."""

    def __init__(self, name: str, settings: ValkeyServer) -> None:
        self._name = name.encode()
        self._patience = settings.timeout_or_interval
        self._connect = to_any(settings)
        # A pool of its own: what is told here must not wait for what requests want to know.
        self._pool = Pool("the announcements of Valkey", self._connect, PoolLimits(max_total=2, max_idle=1, min_idle=0))

    async def publish(self, message: str) -> None:
        """Raises StoreUnavailable."""
        (reply,) = await self._pool.ask([(b"PUBLISH", self._name, message.encode())], within=self._patience)
        if isinstance(reply, Refusal):
            raise StoreUnavailable(f"{self._pool.name}: {reply.words}")

    async def listen(self, hear: Callable[[str], None], *, listening: Callable[[], None]) -> None:
        """Call `hear` for each message, for ever. Raises StoreUnavailable when the connection ends or is dead.

        `listening` is called once messages arrive: what was told before is not heard.
        """
        with our_errors("the announcements of Valkey", self._patience):
            async with asyncio.timeout(self._patience):
                connection = await self._connect()
            try:
                await connection.send_command("SUBSCRIBE", self._name)
                async with asyncio.timeout(self._patience):
                    await connection.read_response(disable_decoding=True)
                listening()
                await self._hear(connection, hear)
            finally:
                await connection.disconnect(nowait=True)

    async def close(self) -> None:
        await self._pool.close()

    async def _hear(self, connection: AbstractConnection, hear: Callable[[str], None]) -> None:
        is_asked = False
        while True:
            reply = await connection.read_response(
                disable_decoding=True, timeout=self._patience if is_asked else QUIET_SECONDS, disconnect_on_error=False
            )
            match reply:
                case None if is_asked:
                    raise StoreUnavailable("the connection for announcements is dead")
                case None:
                    await connection.send_command("PING")
                    is_asked = True
                case [b"message", bytes(), bytes() as message]:
                    hear(message.decode("utf-8", "replace"))
                case _:
                    is_asked = False  # it lives
