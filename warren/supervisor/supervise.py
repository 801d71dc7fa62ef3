"""Several workers on one host: started, watched, replaced and ended; nothing that clients send passes through here."""

import asyncio
import signal
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import structlog

from warren.errors import Problem, SettingsError
from warren.places import OwnPlace, host_name
from warren.process import (
    announce,
    close,
    database_of,
    failures,
    open_slots,
    prepared_state_directory,
    when_hung_up,
)
from warren.supervisor.launch import Configuration, Place
from warren.supervisor.neighbours import shares
from warren.supervisor.slot import News, Slot
from warren.supervisor.words import Leave, Orders, Standing
from warren.tasks import Tasks
from warren.telemetry.told import Ended

log = structlog.get_logger()

LOOK_SECONDS = 0.1
STALL_SECONDS = 1.0
"""When the supervisor itself stood still for so long, it judges nobody by what it has not heard."""

NO_KEYSTORE = (
    "serverConfig.http-server.https.keystore.path is not there, which the open HTTPS port needs: "
    "keep it until the gateway is restarted, or restart it"
)


def supervise(configuration: Configuration, count: int, *, config: Path | None, environment: Mapping[str, str]) -> None:
    """Serve with so many workers until SIGTERM or SIGINT. Raises SettingsError for what only shows now."""
    settings = configuration.settings
    state = prepared_state_directory(settings, config=config, environment=environment)
    announce(settings, configuration.warnings, database_of(settings, state=state, config=config))
    slots = open_slots(settings, count)
    with failures():
        own = OwnPlace(state)
        counters = own.counters_directory()
    try:
        place = Place(config, state, slots, Ended(counters))
        supervisor = Supervisor(place, configuration, lambda: Configuration.read(config, environment))
        asyncio.run(_run(supervisor))
    finally:
        own.leave()


async def _run(supervisor: "Supervisor") -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, supervisor.stop)
    loop.add_signal_handler(signal.SIGHUP, when_hung_up(supervisor.reload))
    await supervisor.run()


class Supervisor:
    """Runs until `stop`. Keeps the sockets of all slots open meanwhile, so that no change of workers loses a connection."""

    def __init__(self, place: Place, configuration: Configuration, read: Callable[[], Configuration]) -> None:
        """`read` reads the configuration anew, or raises SettingsError."""
        self._place = place
        self._configuration = configuration
        self._read = read
        self._name = configuration.settings.instance_name or host_name()
        self._news = News()
        self._slots: list[Slot] = []
        self._leave = Leave.NOT
        self._reload_wanted = asyncio.Event()
        self._is_proven = False
        """Whether some worker could start with the configuration."""
        self._refusals: dict[int, tuple[Problem, ...]] = {}
        """What the workers of each slot said that could not."""

    def stop(self) -> None:
        """Stop politely; asked again: stop now."""
        self._leave = Leave.POLITELY if self._leave is Leave.NOT else Leave.NOW
        self._something_new()

    def reload(self) -> None:
        """Read the configuration again; when it is good, replace one worker after the other."""
        self._reload_wanted.set()

    async def run(self) -> None:
        """Raises SettingsError when no worker can start with the configuration."""
        async with asyncio.TaskGroup() as group:
            tasks = Tasks(group)
            self._slots = [
                Slot(
                    number,
                    self._place,
                    self._configuration,
                    tasks=tasks,
                    news=self._news,
                    on_news=self._something_new,
                )
                for number in self._place.slots
            ]
            log.info("supervising", instance=self._name, workers=len(self._slots))
            changes = [group.create_task(slot.run()) for slot in self._slots]
            changes.append(group.create_task(self._keep_reloading()))
            watch = group.create_task(self._watch())
            await self._news.until(lambda: self._leave is not Leave.NOT)
            await self._end(changes)
            watch.cancel()
        if self._is_refused:
            raise SettingsError(next(iter(self._refusals.values())))
        log.info("stopped", instance=self._name)

    async def _end(self, changes: "list[asyncio.Task[None]]") -> None:
        for change in changes:
            change.cancel()
        await asyncio.wait(changes)
        if not self._is_refused:
            delay = self._configuration.settings.shutdown_delay
            log.info("stopping", instance=self._name, shutdown_delay_seconds=delay)
        # The workers have them as well: when the last one has closed its own, clients are refused.
        close(listening.socket for sockets in self._place.slots.values() for listening in sockets)
        self._something_new()
        await self._news.until(lambda: not any(slot.living() for slot in self._slots))

    @property
    def _is_refused(self) -> bool:
        return not self._is_proven and len(self._refusals) == len(self._slots)

    def _something_new(self) -> None:
        """A worker has told something, has come or has gone; or all are to go."""
        for slot in self._slots:
            worker = slot.worker
            if worker is not None and worker.problems:
                self._refusals[slot.number] = worker.problems
            self._is_proven |= worker is not None and worker.standing in (Standing.STARTED, Standing.READY)
        if self._is_refused:
            self._leave = Leave.NOW
        self._give_orders(time.monotonic())
        self._news.tell()

    def _give_orders(self, now: float) -> None:
        taken = shares({slot.number: slot.standing(now) for slot in self._slots})
        workers = tuple(slot.seen(now) for slot in self._slots)
        for slot in self._slots:
            for worker in slot.living():
                take = taken.get(slot.number, ()) if worker is slot.worker else ()
                leave = Leave.POLITELY if self._leave is Leave.NOT and slot.is_done_with(worker) else self._leave
                worker.order(Orders(take, leave, workers))

    async def _watch(self) -> None:
        """Ten times a second: who is silent, who has to be killed."""
        before = time.monotonic()
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            now = time.monotonic()
            stood_still = now - before > STALL_SECONDS
            before = now
            for worker in [worker for slot in self._slots for worker in slot.living()]:
                if stood_still:
                    worker.forgive(now)
                worker.judge(now)
            self._give_orders(now)

    async def _keep_reloading(self) -> None:
        while True:
            await self._reload_wanted.wait()
            self._reload_wanted.clear()
            await self._reload()

    async def _reload(self) -> None:
        try:
            configuration = self._read()
        except SettingsError as error:
            for problem in error.problems:
                log.error("reload_refused", because=str(problem))
            return
        except Exception as error:
            # Whatever a file may do to its reader, the workers go on. What it says may be a secret of the file.
            log.error("reload_refused", because=f"the configuration cannot be read: {type(error).__name__}")
            return
        if self._place.is_secure and configuration.settings.server.keystore_path is None:
            log.error("reload_refused", because=NO_KEYSTORE)
            return
        log.info("reload_started", instance=self._name)
        for warning in configuration.warnings:
            log.warning("configuration_note", note=warning)
        fixed, wanted = self._configuration.fixed(), configuration.fixed()
        if changed := [key for key, value in wanted.items() if value != fixed[key]]:
            log.warning("restart_needed", settings=changed)
        for slot in self._slots:
            if why_not := await slot.replace(configuration):
                log.error("reload_stopped", worker=slot.number, because=why_not)
                return
        log.info("reload_finished", instance=self._name)
