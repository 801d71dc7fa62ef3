"""What happens when a request's head has arrived: classified, placed, and sent on its way."""

from dataclasses import dataclass

from warren.errors import GatewayError
from warren.memory.recall import Recall
from warren.model import QueryId
from warren.protocol.answers.refusals import JSON, refusal
from warren.protocol.asked import Follow, FollowKind, Own, Spooled, Submit
from warren.protocol.paths import FAST_FOLLOW, FAST_SUBMIT, Paths
from warren.protocol.targets import check_target
from warren.proxy.access_log import AccessLog
from warren.proxy.choosing import Choosing
from warren.proxy.deciding import Deciding, Refused
from warren.proxy.search import Search
from warren.proxy.submission import Submissions
from warren.proxy.upstreams import Upstreams
from warren.wire.exchange import SENT_TWICE as FOLLOWING
from warren.wire.exchange import Exchange
from warren.wire.syntax.forwarded import Rewrite
from warren.wire.upstream import Upstream


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long the head of an answer may take; seconds."""

    follow: float = 25.0
    other: float = 120.0


class Entry:
    """The service of the data plane."""

    def __init__(
        self,
        *,
        paths: Paths,
        recall: Recall,
        upstreams: Upstreams,
        submissions: Submissions,
        search: Search,
        deciding: Deciding,
        choosing: Choosing,
        own_endpoints: Upstream,
        patience: Patience,
        instance: str,
        access_log: AccessLog | None,
    ) -> None:
        self._paths = paths
        self._recall = recall
        self._upstreams = upstreams
        self._submissions = submissions
        self._search = search
        self._deciding = deciding
        self._choosing = choosing
        self._own_endpoints = own_endpoints
        self._patience = patience
        self._instance = instance
        self._access_log = access_log

    def requested(self, exchange: Exchange) -> None:
        if self._access_log is not None:
            self._access_log.follow(exchange)
        found = FAST_FOLLOW.fullmatch(exchange.target)
        if found is not None and exchange.method in FOLLOWING:
            # The hot path: nothing is awaited, nothing is read further.
            owner = self._recall.nearby(found[1].decode("ascii"))
            if owner is not None:
                exchange.forward_to(self._upstreams.of(owner), self._patience.follow)
                return
        if exchange.target == FAST_SUBMIT and exchange.method == b"POST":
            exchange.hold(self._submissions.submit(exchange))
        else:
            self._classify(exchange)

    def refusal(self, status: int, sentence: str, accept: bytes | None) -> tuple[bytes, bytes]:
        return refusal(status, sentence, instance=self._instance, accept=accept)

    def _classify(self, exchange: Exchange) -> None:
        target = exchange.target.decode("latin-1")
        if (wrong := check_target(target)) is not None:
            exchange.refuse(BadTarget(wrong))
            return
        match self._paths.classify(exchange.method.decode("ascii"), target):
            case Own():
                exchange.forward_to(self._own_endpoints, self._patience.other)
            case Submit():
                exchange.hold(self._submissions.submit(exchange))
            case (Follow(searchable=True) | Spooled()) as asked:
                exchange.hold(self._search.answer(exchange, asked))
            case Follow(query_id=query_id, kind=kind) if (owner := self._recall.nearby(query_id)) is not None:
                patience = self._patience.follow if kind is FollowKind.STATEMENT else self._patience.other
                exchange.forward_to(self._upstreams.of(owner), patience)
            case Follow(query_id=query_id) if self._recall.has_stores:
                exchange.hold(self._mentioned(exchange, query_id))
            case _:
                exchange.hold(self._anywhere(exchange))

    async def _mentioned(self, exchange: Exchange, query_id: QueryId) -> None:
        """The request names a query where nothing proves an owner: the stores are believed, and nothing is searched for."""
        believed = self._recall.believed(query_id) or await self._recall.find(query_id)
        if believed is None:
            await self._anywhere(exchange)
        else:
            exchange.forward_to(self._upstreams.of(believed.cluster), self._patience.other)

    async def _anywhere(self, exchange: Exchange) -> None:
        """Raises GatewayError."""
        try:
            selected = await self._deciding.of_other(exchange)
        except Refused as refused:
            exchange.answer(refused.status, JSON, refused.body)
            return
        if selected.fields:
            exchange.rewrite = Rewrite(put=selected.fields)
        choice = self._choosing.choose(selected.decision)
        exchange.forward_to(self._upstreams.of(choice.cluster.proxy_to), self._patience.other)


class BadTarget(GatewayError):
    """The request target is one that servers could read in different ways."""

    status = 400
