"""What workers have told of their counters, in files: sums go on while a worker is silent, and when it has ended.

A worker writes its file before it tells anybody. Who adds reads the files of those that did not answer. The supervisor
folds the files of ended workers into one, so that they do not pile up.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

import orjson
import structlog

from warren.telemetry.few_lines import FewLines
from warren.telemetry.lasting import Lasting, lasts
from warren.telemetry.metrics import Sample
from warren.telemetry.summing import LARGEST, added, from_json, to_json

log = structlog.get_logger()

ENDED: Final = "ended.jsonl"
"""Two lines: the names of the files whose numbers are in it, and the numbers."""
NAMES_KEPT: Final = 1000
"""Of files that were folded last. While so many workers end, whoever asked one of them has long added its answer."""

TakeSamples = Callable[[], Awaitable[Sequence[Sample]]]


@dataclass(frozen=True, slots=True)
class Past:
    """What those have told that did not answer, most of them because they have ended."""

    samples: Sequence[Sample] = ()
    """Counters and histograms; several of one family and labels."""
    folded: frozenset[str] = frozenset()
    """Files of the ended ones, whose numbers are in it: what they have answered just before must not be added again."""


class Telling(Protocol):
    """How a process tells its numbers, so that their sums over several processes never fall."""

    @property
    def name(self) -> str:
        """Of the file that has what was told last; empty without one."""
        ...

    async def tell(self, take: TakeSamples, /) -> Sequence[Sample]:
        """The samples that are to be told, written down before."""
        ...

    async def past(self, counted: Collection[str], /) -> Past:
        """What was told by all whose files are not `counted`. Never raises."""
        ...


class Alone:
    """A process that nobody's numbers are added to: it writes nothing."""

    name = ""

    async def tell(self, take: TakeSamples) -> Sequence[Sample]:
        return await take()

    async def past(self, _counted: Collection[str]) -> Past:
        return Past()


class Told:
    """A worker's side."""

    def __init__(self, file: Path) -> None:
        """The file is this worker's alone, beside those of the others."""
        self.name = file.name
        self._file = file
        self._lasting = Lasting()
        self._turn = asyncio.Lock()
        # One thread: were the caller cancelled while it writes, an older picture could replace a newer one.
        self._writing = ThreadPoolExecutor(1, "told")
        self._complaints = _Complaints()

    async def tell(self, take: TakeSamples) -> Sequence[Sample]:
        """Counters and histograms in it are never less than before, whatever began anew. What cannot be written is told all the same."""
        async with self._turn:
            samples = await self._lasting.of(await take())
            text = await to_json(filter(lasts, samples))
            try:
                await asyncio.get_running_loop().run_in_executor(self._writing, _put, self._file, text)
            except OSError as error:
                self._complaints.not_kept(self.name, str(error))
            return samples

    async def past(self, counted: Collection[str]) -> Past:
        texts, ended = await asyncio.to_thread(_texts, self._file.parent, counted)
        names, numbers = self._split(ended)
        found: list[Sample] = []
        for name, text in {**texts, ENDED: numbers}.items():
            if text is not None and name not in names:
                found += await _checked(name, text, self._complaints)
        return Past(found, names)

    def _split(self, ended: bytes | None) -> tuple[frozenset[str], bytes | None]:
        if ended is None:
            return frozenset(), None
        first, _, numbers = ended.partition(b"\n")
        try:
            match orjson.loads(first):
                case list() as names if all(isinstance(name, str) for name in names):
                    return frozenset(names), numbers
        except orjson.JSONDecodeError:
            pass
        self._complaints.ignored(ENDED, "its first line holds no names")
        return frozenset(), None


class Ended:
    """The supervisor's side: which file is whose, and what all have told whose workers have ended. No other writes that."""

    def __init__(self, directory: Path) -> None:
        """The directory is this supervisor's alone, and lives as long as it."""
        self._directory = directory
        self._given = 0
        self._sums: Sequence[Sample] = ()
        self._names: Sequence[str] = ()
        self._turn = asyncio.Lock()
        self._complaints = _Complaints()

    def file_for(self, slot: int) -> Path:
        """For a new worker; no other ever gets it."""
        self._given += 1
        return self._directory / f"told-{slot}-{self._given}.json"

    async def fold(self, file: Path) -> None:
        """Add what an ended worker has told last. Never raises: a file that cannot be folded stays, and is counted as it is."""
        async with self._turn:
            try:
                await self._fold(file)
            except FileNotFoundError:
                pass  # it has told nobody anything
            except OSError as error:
                self._complaints.not_kept(file.name, str(error))

    async def _fold(self, file: Path) -> None:
        told = await _checked(file.name, await asyncio.to_thread(_text, file), self._complaints)
        sums = await added({"ended": self._sums, "told": told})
        names = [*self._names, file.name][-NAMES_KEPT:]
        text = orjson.dumps(names) + b"\n" + await to_json(sums)
        if len(text) > LARGEST:
            self._complaints.not_kept(file.name, f"all together would have more than {LARGEST} bytes")
            return
        await asyncio.to_thread(_put, self._directory / ENDED, text)
        self._sums, self._names = sums, names
        await asyncio.to_thread(_remove, file)


class _Complaints:
    """Few lines about files, however often they are read and written."""

    def __init__(self) -> None:
        self._lines = FewLines(time.monotonic)

    def not_kept(self, file: str, because: str) -> None:
        if (more := self._lines.one_more()) is not None:
            log.warning("counters_not_kept", file=file, because=because, **more)

    def ignored(self, file: str, because: str) -> None:
        if (more := self._lines.one_more()) is not None:
            log.warning("counters_ignored", file=file, because=because, **more)


async def _checked(name: str, text: bytes, complaints: _Complaints) -> list[Sample]:
    """What a file says; nothing when no worker writes such a thing."""
    try:
        return [sample for sample in await from_json(text) if lasts(sample)]
    except ValueError as error:
        complaints.ignored(name, str(error))
        return []


def _texts(directory: Path, counted: Collection[str]) -> tuple[dict[str, bytes | None], bytes | None]:
    """The files that are not counted yet, and then that of the ended: what is folded meanwhile is in there, by name."""
    found = {path.name: _found(path) for path in sorted(directory.glob("told-*.json")) if path.name not in counted}
    return found, _found(directory / ENDED)


def _found(path: Path) -> bytes | None:
    """None when there is no such file (any more)."""
    try:
        return _text(path)
    except FileNotFoundError:
        return None
    except OSError:
        return b""  # which nobody writes, so that it is complained of and passed over


def _text(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(LARGEST + 1)


def _put(path: Path, text: bytes) -> None:
    """All of it or nothing is seen by readers. It need not outlive the host, so nothing waits for the disk."""
    fresh = _fresh(path)
    fresh.write_bytes(text)
    fresh.replace(path)


def _remove(path: Path) -> None:
    path.unlink(missing_ok=True)
    _fresh(path).unlink(missing_ok=True)  # of one that was killed while it wrote


def _fresh(path: Path) -> Path:
    return path.with_name(f"{path.name}.new")
