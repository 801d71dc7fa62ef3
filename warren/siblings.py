"""Asking the other workers of this host: each serves its own endpoints on a private socket, and knows those of the rest."""

import asyncio
import os
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from warren.admin.metrics import TOLD
from warren.drivers.http import HttpClient
from warren.errors import GatewayError
from warren.model import SiblingAnswer
from warren.places import short
from warren.supervisor.words import Seen

ASK_SECONDS = 1.0
"""How long siblings may take to answer. One that hangs costs this much, once: then the supervisor knows of it."""

LARGEST_ANSWER = 16 * 1024 * 1024


@dataclass(slots=True)
class _Round:
    """All siblings asked for one path, at most once at a time."""

    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    begun: int = 0
    finished: int = 0
    """The number of the round that the answers are from."""
    answers: tuple[SiblingAnswer, ...] = ()


class Siblings:
    """The workers beside this one. An instance alone has none, and is then told nothing by `see`."""

    def __init__(self, sockets: Path, *, slot: int = 1) -> None:
        """`sockets` is the directory where all of them have theirs."""
        self.slot = slot
        self._sockets = sockets
        self._seen: tuple[Seen, ...] = ()
        self._rounds: dict[str, _Round] = {}

    def see(self, workers: tuple[Seen, ...]) -> None:
        """Who holds which slot from now on, this process included."""
        self._seen = workers

    async def ask(self, path: str) -> tuple[SiblingAnswer, ...]:
        """What each of the others answers to a GET of one of our own endpoints; in the order of the slots.

        It takes ASK_SECONDS at most, and never raises: who does not answer is there with an error. Those who ask while
        others ask for the same share one round, so that no crowd of clients becomes a crowd of questions; only a round
        that began after they came will do, since an older answer could be out of date.
        """
        this = self._rounds.setdefault(path, _Round())
        came = this.begun
        async with this.turn:
            if this.finished <= came:
                this.begun += 1
                this.answers = await self._ask_all(path)
                this.finished = this.begun
            return this.answers

    @cached_property
    def _directory(self) -> Path:
        return short(self._sockets)

    async def _ask_all(self, path: str) -> tuple[SiblingAnswer, ...]:
        others = [each for each in self._seen if each.pid != os.getpid()]
        if not others:
            return ()
        return tuple(await asyncio.gather(*(self._ask(each, path) for each in others)))

    async def _ask(self, one: Seen, path: str) -> SiblingAnswer:
        if not one.socket:
            return SiblingAnswer(one.slot, one.pid, error=one.why_not)
        client = HttpClient(tls=None, connect_seconds=ASK_SECONDS, unix_path=self._directory / one.socket)
        try:
            answer = await client.get(
                f"http://warren{path}", {}, deadline_seconds=ASK_SECONDS, largest_body=LARGEST_ANSWER
            )
        except GatewayError as error:
            return SiblingAnswer(one.slot, one.pid, error=str(error))
        finally:
            await client.aclose()
        told = answer.headers.get(TOLD, "")
        return SiblingAnswer(one.slot, one.pid, status=answer.status, body=answer.body, told=told)
