"""One line for each request, in a file, on demand: written behind, in batches, off the loop."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import orjson
import structlog

from warren.protocol.identity import user_of
from warren.protocol.templates import path_template
from warren.wire.exchange import Exchange

log = structlog.get_logger()

FLUSH_SECONDS = 1.0
WAITING_AT_MOST = 50_000
"""Lines that wait for the disk; beyond it they are dropped and counted."""


class AccessLog:
    """JSON lines. Paths are templates: slugs and identifiers are capabilities, and never stand in a log."""

    def __init__(self, path: Path, *, claim: str, clock: Callable[[], float], unix: Callable[[], float]) -> None:
        """`claim` of a token names its user; `clock` tells monotonic seconds, `unix` the time for people."""
        self._claim = claim
        self._path = path
        self._clock = clock
        self._unix = unix
        self._lines: list[bytes] = []
        self._dropped = 0
        self._failed = False

    def follow(self, exchange: Exchange) -> None:
        """Note the exchange when it is over."""
        exchange.arrived = self._clock()
        exchange.on_end = self.note

    def note(self, exchange: Exchange) -> None:
        """The exchange is over; status 0 when its client left before an answer began."""
        if len(self._lines) >= WAITING_AT_MOST:
            self._dropped += 1
            return
        line = {
            "time": datetime.fromtimestamp(self._unix(), UTC).isoformat(timespec="milliseconds"),
            "client": exchange.client.address(exchange).decode("ascii"),
            "method": exchange.method.decode("ascii"),
            "path": path_template(exchange.target.decode("latin-1")),
            "status": exchange.status,
            "user": user_of(exchange.fields.named, claim=self._claim),
            "milliseconds": round((self._clock() - exchange.arrived) * 1000, 1),
        }
        self._lines.append(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))

    async def run(self) -> None:
        """Write what has gathered, each second; what is left is written when cancelled."""
        try:
            while True:
                await asyncio.sleep(FLUSH_SECONDS)
                await asyncio.to_thread(self._write, self._taken())
        finally:
            self._write(self._taken())

    def _taken(self) -> bytes:
        lines, self._lines = self._lines, []
        if self._dropped:
            log.warning("access_log_dropped", lines=self._dropped, file=str(self._path))
            self._dropped = 0
        return b"".join(lines)

    def _write(self, lines: bytes) -> None:
        # Opened for each batch, so that a rotated file is let go without a signal.
        if not lines:
            return
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open("ab") as file:
                file.write(lines)
        except OSError as error:
            if not self._failed:  # one line for a full disk, not one each second
                log.warning("access_log_failed", file=str(self._path), because=error.strerror)
            self._failed = True
        else:
            self._failed = False
