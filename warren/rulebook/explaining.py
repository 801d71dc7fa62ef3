"""Answers why: which rules were tried, what each saw and said, which clusters may take it and why not the others."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Protocol

from warren.errors import NoClusterAvailable
from warren.facts import Facts, QueryProperties, RequestUser, facts_of_head
from warren.model import Cluster, Decision, GroupName, Health, HealthStatus
from warren.protocol.asked import Asked, Follow, FollowKind, Own, Spooled, Submit
from warren.protocol.headers import Fields, routing_group
from warren.protocol.identity import user_of
from warren.protocol.sql.analysis import step
from warren.protocol.sql.statement import statement_properties, without_statement
from warren.routing.candidates import Clusters, FallbackPolicy, Members, candidates, fallback_of, first_members, why_not
from warren.routing.mvel.offered.values import text_of
from warren.routing.mvel.scope import Scope
from warren.routing.rules.rule import Explained, RuleSet, Tried, decision_of
from warren.routing.selectors import by_group_header
from warren.routing.words import shown
from warren.rulebook.service import ServiceAnswer, ServiceFailed, ServiceTerms, query_properties_json
from warren.rulebook.userinfo import NoUserInfo, WhoHolds, who_asks

LONGEST_SHOWN = 300
"""Characters of a value that a rule saw."""
NOT_ANALYSED = "statements are not analysed: requestAnalyzerConfig.analyzeRequest is false"


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A request that somebody describes."""

    sql: str = ""
    headers: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """By lower-case name."""
    method: str = "POST"
    path: str = "/v1/statement"
    query: str | None = None
    client_address: str = "127.0.0.1"

    @property
    def target(self) -> str:
        return self.path if self.query is None else f"{self.path}?{self.query}"

    def fields(self) -> Fields:
        return {
            name.encode("ascii", "replace"): [value.encode() for value in values]
            for name, values in self.headers.items()
        }


class Service(Protocol):
    """The rules service, when there is one."""

    terms: ServiceTerms

    async def ask(self, facts: Facts, pairs: Sequence[tuple[bytes, bytes]]) -> ServiceAnswer: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Explainer:
    """Goes the way of a request, and notes each step; sends nothing to any cluster."""

    rules: Callable[[], RuleSet | None]
    """Those in force; None without a rules file."""
    service: Service | None = None
    who_holds: WhoHolds = field(default_factory=NoUserInfo)
    classify: Callable[[str, str], Asked]
    """What a method and a target ask for."""
    clusters: Callable[[], Clusters]
    policy: FallbackPolicy
    claim: str
    analyses: bool
    max_body_size: int
    v2: bool
    now: Callable[[], datetime]
    chance: Callable[[], float]

    async def explain(self, question: Question) -> dict[str, Any]:
        """What would become of it, as JSON can hold it."""
        fields = question.fields()
        asked = self.classify(question.method, question.target)
        if isinstance(asked, Submit):
            user = await who_asks(fields, claim=self.claim, who_holds=self.who_holds)
        else:
            user = RequestUser(user=user_of(fields, claim=self.claim) or None)
        query = await self._query(question, asked, fields)
        facts = Facts(
            request=facts_of_head(
                method=question.method,
                path=question.path,
                query=question.query,
                headers=question.headers,
                remote_address=question.client_address,
                scheme="http",
            ),
            user=user,
            query=query,
            now=self.now(),
        )
        answer: dict[str, Any] = {"user": user.user or "", "statement": self._statement(query)}
        if (past_rules := goes_past_rules(asked)) is not None:
            return {**answer, "decision": {"group": None, "because": past_rules}, "clusters": [], "goesTo": past_rules}
        if query.query_id is not None:
            answer["kills"] = (
                f"{query.query_id}: it goes to the cluster of that query, when that is known, whatever rules say"
            )
        rules = self.rules()
        if rules is not None:
            return {**answer, **self._by_rules(rules.explain(facts, self.chance), fields, facts)}
        if self.service is not None:
            return {**answer, **await self._by_service(self.service, facts, fields)}
        return {**answer, **self._to(by_group_header(routing_group(fields), default=self.policy.default))}

    async def _query(self, question: Question, asked: Asked, fields: Fields) -> QueryProperties:
        if not isinstance(asked, Submit):
            return without_statement(fields)
        reading = statement_properties(question.sql.encode(), fields, max_body_size=self.max_body_size, v2=self.v2)
        while (properties := step(reading)) is None:  # noqa: ASYNC110 others have their turn in between
            await asyncio.sleep(0)
        return properties

    def _statement(self, query: QueryProperties) -> Mapping[str, Any] | str:
        if not self.analyses:
            return NOT_ANALYSED
        return {name: value for name, value in query_properties_json(query).items() if name != "body"}

    def _by_rules(self, explained: Explained, fields: Fields, facts: Facts) -> dict[str, Any]:
        scope = Scope(facts=facts)
        tried = {"rules": [tried_json(each, scope) for each in explained.tried]}
        if explained.ruling is None:
            return {**tried, **self._instead(explained.failed, fields)}
        if explained.ruling.reject is not None:
            rejected = {"rejected": explained.ruling.reject, "because": explained.ruling.because}
            return {**tried, "decision": rejected, "clusters": [], "goesTo": "no cluster: it is rejected"}
        return {**tried, **self._to(decision_of(explained.ruling, default=self.policy.default))}

    async def _by_service(self, service: Service, facts: Facts, fields: Fields) -> dict[str, Any]:
        pairs = [(name, value) for name, values in fields.items() for value in values]
        try:
            said = await service.ask(facts if self.analyses else replace(facts, query=None), pairs)
        except ServiceFailed as failure:
            return self._instead(str(failure), fields)
        answer = {
            "service": {
                "routingGroup": said.group,
                "errors": list(said.errors),
                "externalHeaders": {name.decode(): value.decode("utf-8", "replace") for name, value in said.headers},
            }
        }
        if said.errors and service.terms.propagate_errors:
            rejected = {"rejected": "; ".join(said.errors), "because": "the rules service finds errors in it"}
            return {**answer, "decision": rejected, "clusters": [], "goesTo": "no cluster, so 400: it is rejected"}
        because = "the rules service says so" if said.group else "the rules service says no group, so the default group"
        return {**answer, **self._to(Decision(said.group or self.policy.default, because))}

    def _instead(self, why: str, fields: Fields) -> dict[str, Any]:
        decision = by_group_header(routing_group(fields), default=self.policy.default)
        return self._to(Decision(decision.group, f"{why}; {decision.because}"))

    def _to(self, decision: Decision) -> dict[str, Any]:
        """The decision, each cluster that was looked at, and where it goes."""
        clusters = self.clusters()
        fallback = fallback_of(decision, self.policy)
        looked_at = [(decision.group, first_members(decision, clusters))]
        if fallback is not None:
            looked_at.append((fallback, clusters.members(fallback)))
        answer: dict[str, Any] = {
            "decision": {
                "group": decision.group,
                "cluster": decision.cluster,
                "fallbackGroup": fallback,
                "because": decision.because,
            },
            "clusters": [each for group, members in looked_at for each in _members_json(group, members)],
        }
        try:
            found = candidates(decision, clusters, self.policy)
        except NoClusterAvailable as error:
            return {**answer, "goesTo": f"no cluster, so 503: {error}"}
        names = ", ".join(shown(cluster.name) for cluster in found.clusters)
        one_of = names if len(found.clusters) == 1 else f"one of {names}, at random"
        return {**answer, "goesTo": one_of, "because": found.because}


def goes_past_rules(asked: Asked) -> str | None:
    """Where a request goes that nobody decides about, in words; None for the others."""
    match asked:
        case Own():
            return "the gateway itself, which answers it"
        case Follow(query_id=query_id, kind=FollowKind.STATEMENT | FollowKind.QUERY):
            return f"the cluster of query {query_id}, whatever rules say"
        case Spooled():
            return "the cluster that made the segment, whatever rules say"
    return None


def tried_json(tried: Tried, scope: Scope) -> dict[str, Any]:
    """What became of one rule."""
    rule = tried.rule
    return {
        "rule": rule.name,
        "line": rule.line,
        "priority": rule.priority,
        "condition": rule.condition.text,
        "applies": tried.applies,
        "saw": [{"what": what, "value": _value(value, scope)} for what, value in tried.seen],
        "put": {str(key): _value(value, scope) for key, value in tried.put.items()},
        **({"failed": tried.failed} if tried.failed else {}),
    }


def _value(value: Any, scope: Scope) -> Any:
    """As it is when JSON has the like, else as text."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return [each[:LONGEST_SHOWN] for each in value]
    text = text_of(value, scope)
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}…"


def _members_json(group: GroupName, members: Members) -> list[dict[str, Any]]:
    return [_cluster_json(group, cluster, health) for cluster, health in members]


def _cluster_json(group: GroupName, cluster: Cluster, health: Health) -> dict[str, Any]:
    is_usable = cluster.active and health.status is HealthStatus.HEALTHY
    if is_usable:
        why = f"suspected, {health.suspicion}: only when there is no other" if health.suspicion else ""
    else:
        why = why_not([(cluster, health)]).removeprefix(f"{shown(cluster.name)}: ")
    return {"cluster": cluster.name, "group": group, "url": cluster.proxy_to, "usable": is_usable, "why": why}
