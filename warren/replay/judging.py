"""What rules say of a past statement, and which of them it was: made from text once in each process."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import lru_cache
from random import Random
from typing import Final

from warren.facts import Facts, QueryProperties, RequestFacts, RequestUser
from warren.model import GroupName
from warren.protocol.headers import LONGEST_SHOWN
from warren.protocol.identity import user_of
from warren.protocol.sql.analysis import whole
from warren.protocol.sql.statement import FRONT, may_kill, statement_properties
from warren.replay.statement import REJECTED, UNKNOWN, Kind, Place, Statement
from warren.routing.mvel.compile import RuleFailed
from warren.routing.mvel.scope import Scope
from warren.routing.rules.rule import CLUSTER, GROUP, REJECT, Action, Rule, RuleSet, Ruling, decision_of, is_same
from warren.routing.selectors import by_group_header
from warren.rulebook.reading import read_rules

SUBMISSION: Final = QueryProperties(is_new_query_submission=True)

REMEMBERED: Final = 2_000
"""Statements of which is remembered what their SQL says: schedules and dashboards send the same ones all day."""
LONGEST_REMEMBERED: Final = 16_384
"""Characters of such a statement."""
SAYS: Final = (b"content-type", b"x-trino-catalog", b"x-trino-schema", b"x-trino-prepared-statement")
"""Headers that change what a statement says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """All that a process needs to know in order to judge; it travels to each of them."""

    rules: str | None
    """The text of the new rules file; None when no rules decide, but the header."""
    before: str | None = None
    """The text of the rules that were in force; None when what was recorded counts."""
    default: str
    """The default routing group."""
    analyses: bool
    max_body_size: int
    v2: bool
    claim: str
    """Of a token, what names its user."""
    examples: int
    """How many of each move are kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Opinion:
    """Where rules send a statement."""

    place: Place
    because: str
    rule: int | None = None
    """The rule that has the last word about the place, by its number in the order in which they run."""
    applied: tuple[int, ...] = ()
    """The rules that applied."""
    failed: int | None = None
    """The rule that failed, so that the header decided."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Both sides of a statement."""

    before: Place
    after: Opinion
    rule_before: int | None = None
    is_kill: bool = False
    """It ends a query, so it goes where that query is, whatever rules say."""
    is_understood: bool = True


@dataclass(slots=True)
class _Notes:
    """What the rules did with one statement."""

    applied: list[int] = field(default_factory=list)
    values: dict[str, object] = field(default_factory=dict)
    authors: dict[str, int] = field(default_factory=dict)


class Chance:
    """Draws by the statement's name: a replay that is repeated says the same, and both sides throw the same dice."""

    __slots__ = ("_name", "_random")

    def __init__(self, name: str) -> None:
        self._name = name
        self._random: Random | None = None

    def __call__(self) -> float:
        if self._random is None:
            self._random = Random(self._name)
        return self._random.random()


class Rules:
    """The rules of a file, with a note of each that applies."""

    def __init__(self, text: str, terms: Terms) -> None:
        """Raises SettingsError with everything that is wrong with the text."""
        read = read_rules(text, analyses=terms.analyses)
        self._default = GroupName(terms.default)
        self._notes = _Notes()
        self._rules = RuleSet(
            [self._noted(number, rule) for number, rule in enumerate(read.rules)], needs_query=read.needs_query
        )
        self.needs_query = read.needs_query

    def opinion(self, facts: Facts, name: str) -> Opinion:
        self._notes = notes = _Notes()
        try:
            ruling = self._rules.decide(facts, Chance(name))
        except RuleFailed as failure:
            return self._failed(facts, name, str(failure))
        place, key = _place(ruling, self._default)
        return Opinion(
            place=place,
            because=ruling.because if ruling.reject else decision_of(ruling, default=self._default).because,
            rule=notes.authors.get(key),
            applied=tuple(notes.applied),
        )

    def _failed(self, facts: Facts, name: str, why: str) -> Opinion:
        """As in the gateway: the header decides."""
        tried = self._rules.explain(facts, Chance(name)).tried
        decision = by_group_header(facts.request.header("x-trino-routing-group"), default=self._default)
        return Opinion(
            place=Place(Kind.GROUP, decision.group),
            because=f"{why}; {decision.because}",
            failed=next((number for number, each in enumerate(tried) if each.failed), None),
        )

    def _noted(self, number: int, rule: Rule) -> Rule:
        def act(scope: Scope) -> None:
            notes, result = self._notes, scope.result
            notes.applied.append(number)
            for key in (GROUP, CLUSTER, REJECT):
                if not is_same(value := result.get(key), notes.values.get(key)):
                    notes.values[key] = value
                    notes.authors[key] = number

        return replace(rule, actions=(*rule.actions, Action("", act, act)))


class ByHeader:
    """No rules: the group that the client names."""

    needs_query = False

    def __init__(self, default: str) -> None:
        self._default = GroupName(default)

    def opinion(self, facts: Facts, name: str) -> Opinion:
        decision = by_group_header(facts.request.header("x-trino-routing-group"), default=self._default)
        return Opinion(place=Place(Kind.GROUP, decision.group), because=decision.because)


class Judge:
    """Says of one statement after the other where it went, and where it would go."""

    def __init__(self, terms: Terms) -> None:
        """Raises SettingsError with everything that is wrong with a rules file."""
        self._terms = terms
        self._after = ByHeader(terms.default) if terms.rules is None else Rules(terms.rules, terms)
        self._before = None if terms.before is None else Rules(terms.before, terms)
        self._needs_query = self._after.needs_query or (self._before is not None and self._before.needs_query)
        self._remembered = lru_cache(maxsize=REMEMBERED)(self._said)

    def judge(self, statement: Statement) -> Verdict:
        headers = headers_of(statement)
        fields = {name.encode(): tuple(value.encode() for value in values) for name, values in headers.items()}
        query = self._query(statement.sql, fields)
        facts = Facts(
            request=RequestFacts(headers=headers, remote_address=statement.client_address),
            user=RequestUser(user=(statement.user or user_of(fields, claim=self._terms.claim))[:LONGEST_SHOWN] or None),
            query=query,
            now=datetime.fromtimestamp(statement.when / 1000, UTC),
        )
        if query.query_id is not None:
            recorded = _recorded(statement, None)
            return Verdict(before=recorded, after=Opinion(place=recorded, because="it ends a query"), is_kill=True)
        after = self._after.opinion(facts, statement.name)
        if self._before is not None:
            was = self._before.opinion(facts, statement.name)
            before, rule_before = was.place, was.rule
        else:
            before, rule_before = _recorded(statement, after.place), None
        return Verdict(
            before=before, after=after, rule_before=rule_before, is_understood=query.is_query_parsing_successful
        )

    def _query(self, sql: str, fields: Mapping[bytes, Sequence[bytes]]) -> QueryProperties:
        """What the statement says, as far as the gateway would look."""
        if not self._needs_query and not may_kill(sql[:FRONT].encode("utf-8", "replace")[:FRONT]):
            return SUBMISSION
        said = self._remembered if len(sql) <= LONGEST_REMEMBERED else self._said
        return said(sql, tuple((name, tuple(fields[name])) for name in SAYS if name in fields))

    def _said(self, sql: str, fields: tuple[tuple[bytes, tuple[bytes, ...]], ...]) -> QueryProperties:
        reading = statement_properties(
            sql.encode("utf-8", "replace"), dict(fields), max_body_size=self._terms.max_body_size, v2=self._terms.v2
        )
        return whole(reading)


def headers_of(statement: Statement) -> Mapping[str, Sequence[str]]:
    """The headers of the request, as far as they are known."""
    known: dict[str, Sequence[str]] = {}
    if statement.user:
        known["x-trino-user"] = (statement.user,)
    if statement.source:
        known["x-trino-source"] = (statement.source,)
    return {**known, **statement.headers}


def _place(ruling: Ruling, default: GroupName) -> tuple[Place, str]:
    """The place, and the key of the result that has it; none where no rule says anything."""
    if ruling.reject is not None:
        return REJECTED, REJECT
    if ruling.cluster is not None:
        return Place(Kind.CLUSTER, ruling.cluster), CLUSTER
    return Place(Kind.GROUP, ruling.group or default), GROUP if ruling.group else ""


def _recorded(statement: Statement, after: Place | None) -> Place:
    """Where it ran. The group, unless it shall now go to a cluster, and that is where it was."""
    if after is not None and after.kind is Kind.CLUSTER and after.name == statement.cluster:
        return after
    return UNKNOWN if statement.group is None else Place(Kind.GROUP, statement.group)
