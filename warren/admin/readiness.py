"""Is this instance alive, and should it get requests? For load balancers, in one word, and for people, in more."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from types import MappingProxyType
from typing import Protocol

import orjson
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from warren.admin.answers import json_answer
from warren.admin.entrance import READYZ, Network, is_from_inside, may_enter
from warren.model import SiblingAnswer


@dataclass(frozen=True, slots=True)
class Readiness:
    """Whether the instance should get requests, and everything a person may want to know about that."""

    ready: bool
    sentence: str
    """Why it is not ready; what it lacks although it is; or `ok`."""
    details: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({}))
    """What JSON can hold, under names for people: the state of the database, of the cluster list, of probes."""


@dataclass(frozen=True, slots=True)
class WorkerReadiness:
    """One of several workers, in the details."""

    slot: int
    pid: int
    ready: bool
    message: str


class Siblings(Protocol):
    """The other workers of this host; none when there is one process alone."""

    slot: int
    """Of this worker."""

    async def ask(self, path: str, /) -> Sequence[SiblingAnswer]:
        """What each answers to a GET; never raises, and is over within a second or two."""
        ...


class Probes:
    def __init__(self, readiness: Callable[[], Readiness], siblings: Siblings, allow_from: Sequence[Network]) -> None:
        self._readiness = readiness
        self._siblings = siblings
        self._allow_from = allow_from

    async def livez(self, _request: Request) -> Response:
        return PlainTextResponse("ok")

    async def readyz(self, request: Request) -> Response:
        """200 or 503. The text of a ready instance is `ok`, whatever else there is to say: upstream's, word for word.

        Of several workers on this host one is enough to be ready: whichever is asked by a client asks the others. What
        comes from another worker is answered for this one alone.
        Everybody gets the text; the details name clusters, so they are for those who may see the rest as well.
        """
        now = self._readiness()
        from_inside = is_from_inside(request.headers)
        if not from_inside:
            now = together(now, self._siblings.slot, await self._siblings.ask(READYZ))
        status = 200 if now.ready else 503
        wants_details = "application/json" in request.headers.get("accept", "").lower()
        if from_inside or (wants_details and may_enter(request.headers, self._allow_from)):
            return json_answer({"ready": now.ready, "message": now.sentence, "details": dict(now.details)}, status)
        return PlainTextResponse("ok" if now.ready else now.sentence, status)


def together(own: Readiness, slot: int, answers: Sequence[SiblingAnswer]) -> Readiness:
    """All workers of this host as one: ready when any of them is, and each with what it says."""
    if not answers:
        return own
    workers = {answer.slot: _readiness_of(answer) for answer in answers}
    # A worker that makes room for its successor holds no slot any more.
    workers.setdefault(slot, WorkerReadiness(slot, os.getpid(), own.ready, own.sentence))
    ready = [worker for worker in workers.values() if worker.ready]
    sentence = own.sentence if own.ready or not ready else ready[0].message
    details = {**own.details, "workers": [asdict(workers[number]) for number in sorted(workers)]}
    return Readiness(bool(ready), sentence, details)


def _readiness_of(answer: SiblingAnswer) -> WorkerReadiness:
    said = _said(answer.body)
    message = str(said.get("message", answer.error or f"its answer, {answer.status}, cannot be read"))
    return WorkerReadiness(answer.slot, answer.pid, said.get("ready") is True, message)


def _said(body: bytes) -> dict[str, object]:
    try:
        said = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return said if isinstance(said, dict) else {}
