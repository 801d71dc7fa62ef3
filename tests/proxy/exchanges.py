"""An exchange that notes what is done with it, instead of a client's connection."""

from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any, cast

from warren.errors import GatewayError
from warren.model import ClusterUrl
from warren.wire.body import RequestBody
from warren.wire.exchange import Exchange
from warren.wire.held import HeldAnswer
from warren.wire.syntax.forwarded import AS_IT_IS, Peer
from warren.wire.syntax.heads import read_request_fields
from warren.wire.upstream import Upstream

Answers = Mapping[ClusterUrl, "int | GatewayError | Callable[[], Coroutine[Any, Any, int]]"]
"""What each cluster says: a status, an error, or a status that takes its time."""


class Held:
    def __init__(self, status: int) -> None:
        self.status = status
        self.is_discarded = False

    def discard(self) -> None:
        self.is_discarded = True


@dataclass
class FakeClient:
    peer: Peer

    def address(self, _exchange: Exchange) -> bytes:
        return b"192.0.2.1"


class FakeExchange:
    def __init__(self, method: str, target: str, answers: Answers | None = None, *, client: str = "192.0.2.1") -> None:
        self.method = method.encode()
        self.target = target.encode()
        self.fields = read_request_fields(b"Host: x\r\nX-Trino-User: me\r\n\r\n", http_1_0=False, max_fields=10)
        self.client = FakeClient(Peer(b"198.51.100.7", b"http"))
        self.status = 0
        self.arrived = 0.0
        self.on_end: Callable[[Exchange], None] | None = None
        self.answers = dict(answers or {})
        self.asked: list[str] = []
        self.decisions: list[Coroutine[Any, Any, None]] = []
        self.body: RequestBody | None = None
        self.rewrite = AS_IT_IS
        self.held: list[Held] = []
        self.done: list[object] = []
        """What the client got: an upstream's name, a status, an error, or the name of a coroutine."""

    def as_exchange(self) -> Exchange:
        return cast(Exchange, self)

    def forward_to(self, upstream: Upstream, patience: float) -> None:
        self.done.append((upstream.name, patience))

    def hold(self, decision: Coroutine[Any, Any, None]) -> None:
        self.done.append(cast(Any, decision).__qualname__)
        self.decisions.append(decision)

    async def decided(self) -> None:
        """Let the coroutines that it holds come to their ends; their errors are the client's."""
        for decision in self.decisions:
            self.done.remove(cast(Any, decision).__qualname__)
            try:
                await decision
            except GatewayError as error:
                self.refuse(error)

    def answer(self, status: int, _content_type: bytes, _body: bytes) -> None:
        self.done.append(status)

    def refuse(self, error: GatewayError) -> None:
        self.done.append(error.status)

    def release(self, held: HeldAnswer) -> None:
        self.done.append(held.status)

    async def inquire(self, upstream: Upstream, _patience: float, *, fresh: bool) -> Held:
        self.asked.append(upstream.name)
        said = self.answers[ClusterUrl(upstream.name.removeprefix("cluster "))]
        if isinstance(said, GatewayError):
            raise said
        held = Held(said if isinstance(said, int) else await said())
        self.held.append(held)
        return held
