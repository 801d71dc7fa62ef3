"""Who should run it: from a request to its routing group, by header, by rules or by a service, with the reason."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final, Protocol

import orjson
import structlog

from warren.facts import Facts, QueryProperties, RequestUser
from warren.model import Cluster, Decision, GroupName
from warren.protocol import headers
from warren.protocol.answers.errors import failed_query
from warren.protocol.headers import Fields
from warren.protocol.identity import user_of
from warren.protocol.sql.statement import without_statement
from warren.proxy.analysing import Analysing, may_kill_a_query
from warren.proxy.kills import Kills
from warren.proxy.request_facts import local_now, request_facts
from warren.routing.mvel.compile import RuleFailed
from warren.routing.rules.rule import Ruling, decision_of
from warren.routing.selectors import by_group_header
from warren.routing.words import shown
from warren.rulebook.rulebook import Rulebook
from warren.rulebook.service import RulesService, ServiceFailed
from warren.rulebook.userinfo import WhoHolds, who_asks
from warren.telemetry.few_lines import FewLines
from warren.wire.exchange import Exchange
from warren.wire.syntax.heads import Pair

log = structlog.get_logger()

SUBMISSION: Final = QueryProperties(is_new_query_submission=True)
LONGEST_USER: Final = 256


class Refused(Exception):
    """The client is answered here, with these bytes: no cluster shall get its request."""

    def __init__(self, because: str, status: int, body: bytes) -> None:
        super().__init__(because)
        self.status = status
        self.body = body
        self.user = ""
        """Who asks, as far as that is known by then."""


@dataclass(frozen=True, slots=True)
class Selected:
    """What a selector says of a request."""

    decision: Decision
    fields: tuple[Pair, ...] = ()
    """To be set on the request towards its cluster."""


@dataclass(frozen=True, slots=True)
class Decided:
    """All that is decided of a statement before a cluster is chosen."""

    decision: Decision
    user: str
    """Empty when nobody says who asks."""
    fields: tuple[Pair, ...] = ()
    owner: Cluster | None = None
    """It must go there, and nowhere else: it kills a query of that cluster."""
    stores_asked: bool = False
    """The client has waited for the stores, which were asked for the owner of the query that this kills."""


@dataclass(slots=True)
class DecidingCounts:
    """Whose word counted."""

    by_header: int = 0
    by_rules: int = 0
    by_service: int = 0
    fell_back: int = 0
    """Rules or service failed, so the header decided."""
    rejected: int = 0


class Selector(Protocol):
    """Chooses a routing group."""

    @property
    def needs_query(self) -> bool:
        """Whether it looks at what a statement says."""
        ...

    async def select(self, exchange: Exchange, user: RequestUser, query: QueryProperties) -> Selected:
        """Raises Refused."""
        ...


class ByHeader:
    """The group that the client names. No rules."""

    needs_query = False

    def __init__(self, default: GroupName, counts: DecidingCounts) -> None:
        self._default = default
        self._counts = counts

    async def select(self, exchange: Exchange, user: RequestUser, query: QueryProperties) -> Selected:
        self._counts.by_header += 1
        return Selected(by_group_header(headers.routing_group(exchange.fields.named), default=self._default))

    def instead(self, fields: Fields, why: str) -> Selected:
        """What counts when rules or a service have failed."""
        self._counts.fell_back += 1
        decision = by_group_header(headers.routing_group(fields), default=self._default)
        return Selected(Decision(decision.group, f"{why}; {decision.because}"))


class ByRules:
    """The rules of a file."""

    def __init__(
        self,
        rulebook: Rulebook,
        header: ByHeader,
        counts: DecidingCounts,
        *,
        default: GroupName,
        clock: Callable[[], float],
        unix: Callable[[], float],
    ) -> None:
        self._rulebook = rulebook
        self._header = header
        self._counts = counts
        self._default = default
        self._unix = unix
        self._lines = FewLines(clock)

    @property
    def needs_query(self) -> bool:
        return self._rulebook.current.value.needs_query

    async def select(self, exchange: Exchange, user: RequestUser, query: QueryProperties) -> Selected:
        now = local_now(self._unix())
        facts = Facts(request=request_facts(exchange), user=user, query=query, now=now)
        try:
            ruling = self._rulebook.current.value.decide(facts, random.random)
        except RuleFailed as failure:
            if (more := self._lines.one_more()) is not None:
                log.warning("rule_failed", because=str(failure), **more)
            return self._header.instead(exchange.fields.named, str(failure))
        if ruling.reject is not None:
            self._counts.rejected += 1
            raise rejected(ruling, facts)
        self._counts.by_rules += 1
        return Selected(decision_of(ruling, default=self._default))


class ByService:
    """A service that is asked with each request."""

    def __init__(
        self,
        service: RulesService,
        header: ByHeader,
        counts: DecidingCounts,
        *,
        analyses: bool,
        default: GroupName,
        unix: Callable[[], float],
    ) -> None:
        self._service = service
        self._header = header
        self._counts = counts
        self._default = default
        self._unix = unix
        self.needs_query = analyses

    async def select(self, exchange: Exchange, user: RequestUser, query: QueryProperties) -> Selected:
        facts = Facts(
            request=request_facts(exchange),
            user=user,
            query=query if self.needs_query else None,
            now=local_now(self._unix()),
        )
        try:
            answer = await self._service.ask(facts, exchange.fields.pairs)
        except ServiceFailed as failure:
            return self._header.instead(exchange.fields.named, str(failure))
        if answer.errors and self._service.terms.propagate_errors:
            self._counts.rejected += 1
            raise Refused("the rules service finds errors in it", 400, orjson.dumps(list(answer.errors)))
        self._counts.by_service += 1
        if answer.group is not None:
            decision = Decision(answer.group, f"the rules service says group {shown(answer.group)}")
        else:
            default = shown(self._default)
            decision = Decision(self._default, f"the rules service says no group, so default group {default}")
        return Selected(decision, answer.headers)


def rejected(ruling: Ruling, facts: Facts) -> Refused:
    """What a client gets whose statement a rule rejects: Trino's own form of an error, or of other requests a 403."""
    request = facts.request
    message = ruling.reject or ""
    if facts.query is None or not facts.query.is_new_query_submission:
        return Refused(ruling.because, 403, orjson.dumps({"status": 403, "message": message}))
    authority = request.header("x-forwarded-host") or request.header("host") or ""
    scheme = request.header("x-forwarded-proto") or request.scheme
    if scheme not in {"http", "https"}:
        scheme = request.scheme
    return Refused(ruling.because, 200, failed_query(message, now=facts.now, scheme=scheme, authority=authority))


@dataclass(slots=True)
class Deciding:
    """From a request to its decision."""

    selector: Selector
    analysing: Analysing
    kills: Kills
    who_holds: WhoHolds
    claim: str
    """Of a token, what names its user."""
    counts: DecidingCounts = field(default_factory=DecidingCounts)

    async def of_statement(self, exchange: Exchange) -> Decided:
        """Waits for the statement itself only when that has to be looked at. Raises Refused, and NoClusterAvailable."""
        user = await who_asks(exchange.fields.named, claim=self.claim, who_holds=self.who_holds)
        name = (user.user or "")[:LONGEST_USER]
        query = await self._query(exchange)
        killed = query.query_id if query is not None else None
        if killed is not None:
            owner = await self.kills.owner(killed, exchange.fields.named, exchange.client.address(exchange))
            if owner is not None:
                because = f"it kills {killed}, a query of cluster {shown(owner.name)}"
                return Decided(Decision(owner.group, because), name, owner=owner, stores_asked=True)
        if query is None and self.selector.needs_query:
            # The rules were replaced while it was waited for; those that decide now must not be told too little.
            query = await self.analysing.properties(exchange)
        try:
            selected = await self.selector.select(exchange, user, query or SUBMISSION)
        except Refused as refused:
            refused.user = name
            raise
        return Decided(selected.decision, name, selected.fields, stores_asked=killed is not None)

    async def of_other(self, exchange: Exchange) -> Selected:
        """The same of a request that brings no statement. Raises Refused."""
        named = exchange.fields.named
        user = RequestUser(user=user_of(named, claim=self.claim) or None)
        return await self.selector.select(exchange, user, without_statement(named))

    async def _query(self, exchange: Exchange) -> QueryProperties | None:
        """What the statement says; None when nobody wants to know."""
        if exchange.body is None:
            return replace(without_statement(exchange.fields.named), is_new_query_submission=True)
        if not self.selector.needs_query and not await may_kill_a_query(exchange):
            return None
        return await self.analysing.properties(exchange)
