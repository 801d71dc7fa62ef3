"""Is this instance alive, and should it get requests? For load balancers, in one word, and for people, in more."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from warren.admin.answers import json_answer
from warren.admin.entrance import Network, may_enter


@dataclass(frozen=True, slots=True)
class Readiness:
    """Whether the instance should get requests, and everything a person may want to know about that."""

    ready: bool
    sentence: str
    """Why it is not ready; what it lacks although it is; or `ok`."""
    details: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({}))
    """What JSON can hold, under names for people: the state of the database, of the cluster list, of probes."""


class Probes:
    def __init__(self, readiness: Callable[[], Readiness], allow_from: Sequence[Network]) -> None:
        self._readiness = readiness
        self._allow_from = allow_from

    async def livez(self, _request: Request) -> Response:
        return PlainTextResponse("ok")

    async def readyz(self, request: Request) -> Response:
        """200 or 503. The text of a ready instance is `ok`, whatever else there is to say: upstream's, word for word.

        Everybody gets the text; the details name clusters, so they are for those who may see the rest as well.
        """
        now = self._readiness()
        status = 200 if now.ready else 503
        wants_details = "application/json" in request.headers.get("accept", "").lower()
        if wants_details and may_enter(request.headers, self._allow_from):
            return json_answer({"ready": now.ready, "message": now.sentence, "details": dict(now.details)}, status)
        return PlainTextResponse("ok" if now.ready else now.sentence, status)
