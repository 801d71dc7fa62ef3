"""One worker of several: an instance that takes its orders from a supervisor. `python -m warren.supervisor.worker SLOT`."""

import asyncio
import os
import signal
import socket
import sys
import time
from contextlib import suppress
from pathlib import Path

import structlog
import uvloop

from warren.app import Instance
from warren.doors import Doors
from warren.errors import SettingsError
from warren.places import host_name, socket_directory
from warren.process import database_of, failures, most_connections, spare_collections
from warren.settings.root import Settings
from warren.siblings import Siblings
from warren.supervisor.launch import Configuration, Errand
from warren.supervisor.words import LONGEST_LINE, Leave, Orders, Report, Standing
from warren.telemetry.logs import configure_logging
from warren.telemetry.told import Told

log = structlog.get_logger()

LOOK_SECONDS = 0.1
REPORT_SECONDS = 0.5
"""How often a worker tells that it is well, when there is nothing new to tell."""


class Member:
    """Does what the supervisor orders, and tells it how this worker is."""

    def __init__(self, instance: Instance, doors: Doors, siblings: Siblings, control: socket.socket) -> None:
        self._instance = instance
        self._doors = doors
        self._siblings = siblings
        self._control = control
        self._take: tuple[int, ...] = ()
        self._is_leaving = False
        self._complained = False

    def leave(self) -> None:
        """Stop politely. Asked again, by whomever: the same; only the supervisor can hurry it."""
        if not self._is_leaving:
            self._is_leaving = True
            self._instance.stop()

    async def run(self) -> None:
        """Until the supervisor is gone, which is an order to leave; a failure in here must end the worker."""
        reader, writer = await asyncio.open_unix_connection(sock=self._control, limit=LONGEST_LINE)
        try:
            async with asyncio.TaskGroup() as group:
                reporting = group.create_task(self._report(writer))
                await self._obey(reader)
                reporting.cancel()
        finally:
            writer.close()
        log.warning("supervisor_gone")
        self.leave()

    async def _obey(self, reader: asyncio.StreamReader) -> None:
        with suppress(ConnectionError):
            while (line := await reader.readline()).endswith(b"\n"):
                orders = Orders.read(line)
                self._siblings.see(orders.workers)
                self._take = orders.take
                await self._follow()
                if orders.leave is not Leave.NOT:
                    self.leave()
                if orders.leave is Leave.NOW:
                    self._instance.stop()

    async def _report(self, writer: asyncio.StreamWriter) -> None:
        told, at = None, 0.0
        while True:
            report = Report(self._instance.standing, self._instance.own_socket)
            now = time.monotonic()
            is_due = report != told or now - at >= REPORT_SECONDS
            # A supervisor that does not listen must not cost memory.
            if is_due and not writer.is_closing() and not writer.transport.get_write_buffer_size():
                writer.write(report.line())
                told, at = report, now
            await self._follow()
            await asyncio.sleep(LOOK_SECONDS)

    async def _follow(self) -> None:
        """Take connections where it was ordered, or try again what could not be done."""
        try:
            await self._doors.take_from(self._take)
        except OSError as error:
            if not self._complained:
                log.error("connections_not_taken", because=str(error))
            self._complained = True
        else:
            self._complained = False


async def serve(errand: Errand, settings: Settings, control: socket.socket) -> None:
    """Until the supervisor or SIGTERM ends it."""
    state = Path(errand.state)
    config = Path(errand.config) if errand.config is not None else None
    doors = Doors(errand.listening(), own=errand.slot, opened=())
    siblings = Siblings(socket_directory(state), slot=errand.slot)
    told = Told(Path(errand.told))
    instance = Instance(
        settings,
        state=state,
        database=database_of(settings, state=state, config=config),
        doors=doors,
        siblings=siblings,
        told=told,
        max_connections=most_connections(),
    )
    spare_collections()
    member = Member(instance, doors, siblings, control)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, member.leave)
    try:
        async with asyncio.TaskGroup() as group:
            obeying = group.create_task(member.run())
            await instance.run()
            await told.tell(instance.measured.samples)  # so that the last things are counted as well
            obeying.cancel()
    except BaseExceptionGroup as failed:
        # As if there were only the instance: whether its failure came alone tells if it could start at all.
        raise failed.exceptions[0] from None


def run(errand: Errand, control: socket.socket) -> None:
    """Raises SettingsError when it cannot start."""
    config = Path(errand.config) if errand.config is not None else None
    settings = Configuration.of(errand.text, config, os.environ).settings
    name = f"{settings.instance_name or host_name()}-{errand.slot}"
    with failures():
        uvloop.run(serve(errand, settings.model_copy(update={"instance_name": name}), control.dup()))


def main() -> None:
    errand = Errand.read(sys.stdin.buffer.read())
    structlog.contextvars.bind_contextvars(worker=errand.slot)
    configure_logging()
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # they are the supervisor's
    control = socket.socket(fileno=errand.control)
    try:
        run(errand, control)
    except SettingsError as error:
        control.setblocking(True)
        with suppress(OSError):
            control.sendall(Report(Standing.STARTING, problems=error.problems).line())
        sys.exit(1)


if __name__ == "__main__":
    main()
