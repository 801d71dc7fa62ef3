"""One slot: its sockets stay, and there is a worker to serve them, however many come and go."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import structlog

from warren.pauses import Pauses
from warren.supervisor.launch import Configuration, Place, launch
from warren.supervisor.process import WorkerProcess
from warren.supervisor.words import Seen, Standing
from warren.tasks import Tasks

log = structlog.get_logger()

FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 10.0
"""Between the end of a worker and the start of the next: doubling from the first to the longest while they die young."""
STEADY_SECONDS = 30.0
"""A worker that lived for so long did not die young."""
REPLACE_SECONDS = 90.0
"""How long a replacement may take to become ready, before it is given up and the former worker stays."""


class News:
    """Wakes those who wait for something to become true."""

    def __init__(self) -> None:
        self._told = asyncio.Event()

    def tell(self) -> None:
        told, self._told = self._told, asyncio.Event()
        told.set()

    async def until(self, is_true: Callable[[], bool]) -> None:
        while not is_true():
            await self._told.wait()


class Restarts:
    """How long to wait before the next worker is started: longer each time, while they die young."""

    def __init__(self) -> None:
        self._pauses = Pauses(FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS)

    def after(self, lived_seconds: float) -> float:
        """In seconds, when the last one has lived for so long."""
        if lived_seconds >= STEADY_SECONDS:
            self._pauses.restart()
        return self._pauses.next()


class Slot:
    """Calls `on_news` when something is different with one of its workers; `news` must be told of that, too."""

    def __init__(
        self,
        number: int,
        place: Place,
        configuration: Configuration,
        *,
        tasks: Tasks,
        news: News,
        on_news: Callable[[], None],
    ) -> None:
        self.number = number
        self.worker: WorkerProcess | None = None
        """Who holds the slot; None before the first, and when none could be started."""
        self.successor: WorkerProcess | None = None
        """Who is to hold it next, while it gets ready."""
        self._former: set[WorkerProcess] = set()
        """Who held it, or could not, and may live."""
        self._place = place
        self._configuration = configuration
        self._tasks = tasks
        self._news = news
        self._on_news = on_news
        self._filling = asyncio.Lock()
        self._restarts = Restarts()

    @property
    def is_lost(self) -> bool:
        return self.worker is None or self.worker.is_lost

    def standing(self, now: float) -> Standing | None:
        """Of the worker that holds it; None when there is nobody, or nobody who answers."""
        worker = self.worker
        return None if worker is None or worker.has_ended or worker.is_silent(now) else worker.standing

    def seen(self, now: float) -> Seen:
        if self.worker is None:
            return Seen(self.number, 0, "", "it is about to be started")
        return self.worker.seen(now)

    def living(self) -> list[WorkerProcess]:
        """All of its workers that have not ended."""
        self._former = {worker for worker in self._former if not worker.has_ended}
        present = (worker for worker in (self.worker, self.successor) if worker is not None and not worker.has_ended)
        return [*present, *self._former]

    def is_done_with(self, worker: WorkerProcess) -> bool:
        return worker is not self.worker and worker is not self.successor

    async def run(self) -> None:
        """Keep a worker in it, until cancelled."""
        await self._fill()
        while True:
            await self._news.until(lambda: self.is_lost)
            await asyncio.sleep(self._restarts.after(self.worker.lived_seconds if self.worker is not None else 0.0))
            await self._fill()

    async def replace(self, configuration: Configuration) -> str:
        """Put a worker with this configuration in the place of the present one, which serves until the new one is ready.

        Returns when the former one has ended. Else the sentence that says why not: then everything is as it was.
        """
        async with self._filling:
            former = self.worker
            successor = await self._start(configuration)
            if successor is None:
                return "it could not be started"
            self.successor = successor
            try:
                why_not = await self._wait_for(successor)
            finally:
                self.successor = None
                self._former.add(successor)
            if why_not:
                successor.kill()
                return why_not
            self._hand_over(former, successor)
        if former is not None:
            await self._news.until(lambda: former.has_ended)
        return ""

    def _hand_over(self, former: WorkerProcess | None, successor: WorkerProcess) -> None:
        log.info("worker_replaced", worker=self.number, pid=successor.pid, former=former.pid if former else 0)
        self._former.discard(successor)
        if former is not None:
            self._former.add(former)
        self.worker, self._configuration = successor, successor.configuration
        self._restarts = Restarts()
        self._on_news()

    async def _fill(self) -> None:
        async with self._filling:
            if not self.is_lost:
                return  # it was replaced meanwhile
            if self.worker is not None:
                self._former.add(self.worker)  # it may be leaving still
            self.worker = await self._start(self._configuration)
            self._on_news()

    async def _start(self, configuration: Configuration) -> WorkerProcess | None:
        told = self._place.ended.file_for(self.number)
        try:
            process, control = await launch(self.number, self._place, configuration.text, told)
        except OSError as error:
            log.error("worker_not_started", worker=self.number, because=str(error))
            return None
        worker = WorkerProcess(self.number, process, control, configuration, self._on_news)
        self._tasks.start(self._follow(worker, told), name="worker")
        return worker

    async def _follow(self, worker: WorkerProcess, told: Path) -> None:
        await worker.run()
        await self._place.ended.fold(told)

    async def _wait_for(self, successor: WorkerProcess) -> str:
        """Why it did not become ready; empty when it did."""
        try:
            async with asyncio.timeout(REPLACE_SECONDS):
                await self._news.until(lambda: successor.standing is Standing.READY or successor.is_lost)
        except TimeoutError:
            return f"it was not ready within {REPLACE_SECONDS:g} s"
        if successor.is_lost:
            return "; ".join(map(str, successor.problems)) or "it ended before it was ready"
        return ""
