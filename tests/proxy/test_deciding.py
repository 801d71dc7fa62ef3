"""From a request to its decision: by header, by rules, by a service, and past all of them for statements that kill."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from types import SimpleNamespace
from typing import Any, cast

import orjson
import pytest
from structlog.testing import capture_logs

from tests.proxy.exchanges import FakeExchange
from warren.current import Current
from warren.errors import NoClusterAvailable
from warren.facts import Facts, QueryProperties, RequestUser
from warren.model import Cluster, ClusterName, ClusterUrl, GroupName, QueryId
from warren.protocol.headers import Fields
from warren.protocol.sql.statement import without_statement
from warren.proxy.analysing import Analysing
from warren.proxy.deciding import (
    LONGEST_USER,
    ByHeader,
    ByRules,
    ByService,
    Deciding,
    DecidingCounts,
    Refused,
    Selected,
    Selector,
)
from warren.proxy.kills import Kills
from warren.rulebook.reading import read_rules
from warren.rulebook.rulebook import Rulebook
from warren.rulebook.service import RulesService, ServiceAnswer, ServiceFailed, ServiceTerms
from warren.rulebook.userinfo import NoUserInfo, WhoHolds
from warren.wire.body import Budget, RequestBody
from warren.wire.syntax.heads import Framing, Pair, read_request_fields

ADHOC = GroupName("adhoc")
ID = "20260416_160256_03078_6b4yt"
KILL = f"CALL system.runtime.kill_query('{ID}')"
BLUE = Cluster(
    name=ClusterName("blue"), proxy_to=ClusterUrl("http://blue"), external_url="", group=GroupName("etl"), active=True
)
WISH = "X-Trino-Routing-Group: wished"


class Asking(FakeExchange):
    """A request with header lines of the test's own, and a body as far as it has come."""

    def __init__(self, sql: str | None = "SELECT 1", *lines: str, target: str = "/v1/statement", rest: int = 0) -> None:
        super().__init__("GET" if sql is None else "POST", target)
        block = "".join(f"{line}\r\n" for line in ("Host: gw:8080", *lines))
        self.fields = read_request_fields(f"{block}\r\n".encode(), http_1_0=False, max_fields=20)
        self.waits = asyncio.Event()
        if sql:
            self.body = RequestBody(Framing(length=len(sql.encode()) + rest), Budget(10**6), lambda: None)
            self.body.keep(10**6)
            self.send(sql)

    def send(self, text: str) -> None:
        assert self.body is not None
        content = text.encode()
        self.body.arrived(content[: self.body.measure(content, 0.0)], passed_on=False)

    async def arrives(self, part: Coroutine[Any, Any, None]) -> None:
        self.waits.set()
        await part


class Owners:
    """Stands for the search of queries that are to be killed."""

    def __init__(self, owner: Cluster | None = None, error: NoClusterAvailable | None = None) -> None:
        self.owner_found = owner
        self.error = error
        self.asked: list[str] = []

    async def owner(self, query_id: QueryId, _fields: Fields, _client: bytes) -> Cluster | None:
        self.asked.append(query_id)
        if self.error is not None:
            raise self.error
        return self.owner_found


class Holders:
    """Stands for the UserInfo endpoint."""

    def __init__(self, said: Mapping[str, Any] | None) -> None:
        self.said = said
        self.asked: list[str] = []

    async def about(self, token: str) -> Mapping[str, Any] | None:
        self.asked.append(token)
        return self.said


class Service:
    """Stands for the rules service."""

    def __init__(self, answer: "ServiceAnswer | ServiceFailed", *, propagate_errors: bool = False) -> None:
        self.said = answer
        self.asked: list[Facts] = []
        self.pairs: list[object] = []
        self.terms = ServiceTerms(
            url="http://rules", exclude_headers=frozenset(), propagate_errors=propagate_errors, timeout_seconds=1.0
        )

    async def ask(self, facts: Facts, pairs: object) -> ServiceAnswer:
        self.asked.append(facts)
        self.pairs.append(pairs)
        if isinstance(self.said, ServiceFailed):
            raise self.said
        return self.said


class Scene:
    def __init__(self, *, owners: Owners | None = None, who: WhoHolds | None = None) -> None:
        self.counts = DecidingCounts()
        self.header = ByHeader(ADHOC, self.counts)
        self.owners = owners or Owners()
        self.analysing = Analysing(max_body_size=100_000, v2=False)
        self.book = SimpleNamespace(current=Current(read_rules("", analyses=True)))
        self.who = who or NoUserInfo()
        self.clock = 0.0

    def deciding(self, selector: Selector) -> Deciding:
        return Deciding(
            selector=selector,
            analysing=self.analysing,
            kills=cast(Kills, self.owners),
            who_holds=self.who,
            claim="email",
            counts=self.counts,
        )

    def by_header(self) -> Deciding:
        return self.deciding(self.header)

    def by_rules(self, text: str) -> Deciding:
        self.write(text)
        rules = ByRules(
            cast(Rulebook, self.book),
            self.header,
            self.counts,
            default=ADHOC,
            clock=lambda: self.clock,
            unix=lambda: 1_800_000_000.0,
        )
        return self.deciding(rules)

    def write(self, text: str) -> None:
        self.book.current.swap(read_rules(text, analyses=True))

    def by_service(self, service: Service, *, analyses: bool = False) -> Deciding:
        asking = ByService(
            cast(RulesService, service),
            self.header,
            self.counts,
            analyses=analyses,
            default=ADHOC,
            unix=lambda: 1_800_000_000.0,
        )
        return self.deciding(asking)

    def counted(self) -> dict[str, int]:
        names = ("by_header", "by_rules", "by_service", "fell_back", "rejected")
        return {name: count for name in names if (count := getattr(self.counts, name))}


def rule(when: str, then: str) -> str:
    return f"name: one\nwhen: {{{when}}}\nthen: {{{then}}}\n"


async def refused(asking: Coroutine[Any, Any, object]) -> Refused:
    with pytest.raises(Refused) as found:
        await asking
    return found.value


# --- by header


@pytest.mark.parametrize(
    ("lines", "group", "because"),
    [
        ((), "adhoc", "no X-Trino-Routing-Group header, so default group adhoc"),
        ((WISH,), "wished", "header X-Trino-Routing-Group says wished"),
        (("X-Trino-Routing-Group:  ",), "adhoc", "no X-Trino-Routing-Group header, so default group adhoc"),
    ],
)
async def test_without_rules_the_header_decides(lines: tuple[str, ...], group: str, because: str) -> None:
    scene = Scene()
    exchange = Asking("SELECT 1", "X-Trino-User: me", *lines)
    decided = await scene.by_header().of_statement(exchange.as_exchange())
    assert (decided.decision.group, decided.decision.because, decided.user) == (group, because, "me")
    assert (decided.fields, decided.owner) == ((), None)
    other = await scene.by_header().of_other(Asking(None, *lines, target="/ui/").as_exchange())
    assert other == Selected(decided.decision)
    assert scene.counted() == {"by_header": 2}
    assert scene.analysing.counts.read == 0


# --- by rules


async def test_rules_decide_and_the_header_does_not() -> None:
    scene = Scene()
    deciding = scene.by_rules(rule("source: airflow", "group: etl, fallbackGroup: night, cluster: blue"))
    decision = (await deciding.of_statement(Asking("SELECT 1", "X-Trino-Source: airflow", WISH).as_exchange())).decision
    assert (decision.group, decision.fallback, decision.cluster) == ("etl", "night", "blue")
    decision = (await deciding.of_statement(Asking("SELECT 1", WISH).as_exchange())).decision
    assert decision.group == "adhoc"
    assert decision.because == "none of 1 rules says a group, so default group adhoc"
    assert scene.counted() == {"by_rules": 2}
    assert scene.analysing.counts.read == 0


async def test_a_statement_is_read_only_when_a_rule_looks_at_it() -> None:
    scene = Scene()
    deciding = scene.by_rules(rule("tables: {startsWith: lake.}", "group: lake"))
    decision = (await deciding.of_statement(Asking("SELECT * FROM lake.a.b").as_exchange())).decision
    assert decision.group == "lake"
    assert scene.analysing.counts.read == 1
    scene.write(rule("source: airflow", "group: etl"))
    await deciding.of_statement(Asking("SELECT * FROM lake.a.b").as_exchange())
    assert scene.analysing.counts.read == 1


async def test_rules_that_begin_to_look_at_statements_while_one_waits_are_told_what_it_says() -> None:
    """A new set of rules needs more than the old one: it must not decide by facts that nobody gathered."""
    scene = Scene()
    deciding = scene.by_rules(rule("source: airflow", "group: old"))
    exchange = Asking("SEL", rest=len("ECT * FROM lake.a.b"))
    async with asyncio.TaskGroup() as group:
        deciding_task = group.create_task(deciding.of_statement(exchange.as_exchange()))
        await exchange.waits.wait()
        scene.write(rule("tables: lake.a.b", "group: new"))
        exchange.send("ECT * FROM lake.a.b")
    assert deciding_task.result().decision.group == "new"


async def test_a_statement_without_a_body_has_the_defaults_of_its_session() -> None:
    text = """\
name: defaults
condition: |
  trinoQueryProperties.getDefaultCatalog().equals(Optional.of("c"))
    && trinoQueryProperties.getDefaultSchema().equals(Optional.of("s"))
    && trinoQueryProperties.isNewQuerySubmission() && trinoQueryProperties.isQueryParsingSuccessful()
actions: ['result.put("routingGroup", "defaults")']
"""
    exchange = Asking("", "X-Trino-Catalog: c", "X-Trino-Schema: s")
    assert exchange.body is None
    assert (await Scene().by_rules(text).of_statement(exchange.as_exchange())).decision.group == "defaults"


async def test_other_requests_are_known_as_no_submission() -> None:
    text = """\
name: pages
condition: '!trinoQueryProperties.isNewQuerySubmission() && request.getRequestURI() == "/ui/x"'
actions: ['result.put("routingGroup", trinoQueryProperties.getDefaultCatalog().get())']
"""
    exchange = Asking(None, "X-Trino-Catalog: c", target="/ui/x?y")
    assert (await Scene().by_rules(text).of_other(exchange.as_exchange())).decision.group == "c"
    assert without_statement(exchange.fields.named) == QueryProperties(default_catalog="c")


async def test_a_rule_that_fails_leaves_the_header_to_decide_and_is_logged_a_few_times() -> None:
    scene = Scene()
    text = 'name: odd\ncondition: request.getHeader("X").length() > 0\nactions: [\'result.put("routingGroup", "x")\']\n'
    deciding = scene.by_rules(text)
    with capture_logs() as lines:
        for _ in range(10):
            decided = await deciding.of_statement(Asking("SELECT 1", WISH).as_exchange())
    why = "rule odd: null pointer: length() asked of null"
    assert decided.decision.group == "wished"
    assert decided.decision.because == f"{why}; header X-Trino-Routing-Group says wished"
    assert lines == [{"event": "rule_failed", "log_level": "warning", "because": why}] * 4
    scene.clock = 61.0
    with capture_logs() as lines:
        await deciding.of_statement(Asking("SELECT 1").as_exchange())
    assert [line["left_out"] for line in lines] == [6]
    assert scene.counted() == {"fell_back": 11}


# --- rejected


async def test_a_rejected_statement_gets_trinos_own_form_of_an_error() -> None:
    scene = Scene()
    deciding = scene.by_rules(rule("user: me", "reject: not today"))
    lines = ("X-Trino-User: me", "X-Forwarded-Proto: https", "X-Forwarded-Host: trino.example")
    found = await refused(deciding.of_statement(Asking("SELECT 1", *lines).as_exchange()))
    body = orjson.loads(found.body)
    assert (found.status, str(found), found.user) == (200, "rule one rejects it", "me")
    assert body["error"]["message"] == "not today"
    assert body["infoUri"].startswith("https://trino.example/ui/")
    assert body["id"].startswith("20270115_080000_")
    assert scene.counted() == {"rejected": 1}


@pytest.mark.parametrize(
    ("lines", "base"),
    [
        ((), "http://gw:8080/"),
        (("X-Forwarded-Proto: javascript",), "http://gw:8080/"),
        (("X-Forwarded-Host: a/b",), "http://localhost/"),
    ],
)
async def test_its_address_is_what_the_client_calls_us(lines: tuple[str, ...], base: str) -> None:
    deciding = Scene().by_rules(rule("method: POST", "reject: no"))
    found = await refused(deciding.of_statement(Asking("SELECT 1", *lines).as_exchange()))
    assert orjson.loads(found.body)["infoUri"].startswith(base)


async def test_another_request_that_is_rejected_gets_a_403() -> None:
    scene = Scene()
    deciding = scene.by_rules(rule("path: {startsWith: /ui}", "reject: no pages here"))
    found = await refused(deciding.of_other(Asking(None, target="/ui/").as_exchange()))
    assert (found.status, orjson.loads(found.body)) == (403, {"status": 403, "message": "no pages here"})
    assert scene.counted() == {"rejected": 1}


# --- by a service


def answer(group: str | None = None, fields: tuple[Pair, ...] = (), errors: tuple[str, ...] = ()) -> ServiceAnswer:
    return ServiceAnswer(GroupName(group) if group else None, fields, errors)


async def test_a_service_decides_and_sets_headers() -> None:
    scene = Scene()
    service = Service(answer("etl", ((b"X-Trino-Client-Tags", b"a"),)))
    exchange = Asking("SELECT 1", "X-Trino-User: me", WISH)
    decided = await scene.by_service(service).of_statement(exchange.as_exchange())
    assert (decided.decision.group, decided.decision.because) == ("etl", "the rules service says group etl")
    assert decided.fields == ((b"X-Trino-Client-Tags", b"a"),)
    assert (service.asked[0].query, service.asked[0].user.user) == (None, "me")
    assert service.pairs == [exchange.fields.pairs]
    assert scene.counted() == {"by_service": 1}


async def test_a_service_without_a_word_means_the_default_group_and_its_headers_count() -> None:
    fields = ((b"X-A", b"b"),)
    decided = (
        await Scene().by_service(Service(answer(None, fields))).of_statement(Asking("SELECT 1", WISH).as_exchange())
    )
    assert (decided.decision.group, decided.fields) == ("adhoc", fields)
    assert decided.decision.because == "the rules service says no group, so default group adhoc"


async def test_a_service_is_told_what_a_statement_says_where_they_are_analysed() -> None:
    scene, service = Scene(), Service(answer("etl"))
    deciding = scene.by_service(service, analyses=True)
    await deciding.of_statement(Asking("SELECT * FROM a.b.c").as_exchange())
    await deciding.of_other(Asking(None, target="/ui/").as_exchange())
    statement, other = (asked.query for asked in service.asked)
    assert statement is not None
    assert statement.tables == frozenset({("a", "b", "c")})
    assert other == QueryProperties()


async def test_a_service_that_fails_leaves_the_header_to_decide() -> None:
    scene = Scene()
    decided = await scene.by_service(Service(ServiceFailed("it is gone"))).of_statement(
        Asking("SELECT 1", WISH).as_exchange()
    )
    assert decided.decision.group == "wished"
    assert decided.decision.because == "it is gone; header X-Trino-Routing-Group says wished"
    assert scene.counted() == {"fell_back": 1}


@pytest.mark.parametrize("group", ["etl", None])
async def test_errors_of_a_service_refuse_where_that_is_wished(group: str | None) -> None:
    said = answer(group, errors=("no", "zoë"))
    scene = Scene()
    deciding = scene.by_service(Service(said, propagate_errors=True))
    found = await refused(deciding.of_statement(Asking("SELECT 1", "X-Trino-User: me").as_exchange()))
    assert (found.status, orjson.loads(found.body), found.user) == (400, ["no", "zoë"], "me")
    assert scene.counted() == {"rejected": 1}
    decided = await Scene().by_service(Service(said)).of_statement(Asking("SELECT 1").as_exchange())
    assert decided.decision.group == (group or "adhoc")


# --- statements that kill


Made = Callable[[Scene], Deciding]
SELECTORS: Mapping[str, Made] = {
    "header": lambda scene: scene.by_header(),
    "rules": lambda scene: scene.by_rules(rule("method: POST", "reject: never")),
    "rules that look at statements": lambda scene: scene.by_rules(rule("queryType: call", "reject: never")),
    "service": lambda scene: scene.by_service(Service(ServiceFailed("gone"))),
}


@pytest.mark.parametrize("made", SELECTORS.values(), ids=SELECTORS)
@pytest.mark.parametrize(
    "sql", [KILL, f"  /* c */ call SYSTEM.runtime.KILL_QUERY(message => 'm', query_id => '{ID}')", f"-- c\n{KILL};"]
)
async def test_a_statement_that_kills_goes_to_the_cluster_of_its_query(made: Made, sql: str) -> None:
    scene = Scene(owners=Owners(BLUE))
    decided = await made(scene).of_statement(Asking(sql, "X-Trino-User: me").as_exchange())
    assert (decided.owner, decided.decision.group, decided.user) == (BLUE, "etl", "me")
    assert decided.stores_asked
    assert decided.decision.because == f"it kills {ID}, a query of cluster blue"
    assert scene.owners.asked == [ID]
    assert scene.counted() == {}


async def test_a_prepared_statement_that_kills_is_recognised() -> None:
    scene = Scene(owners=Owners(BLUE))
    prepared = f"X-Trino-Prepared-Statement: k=CALL+system.runtime.kill_query%28%27{ID}%27%29"
    assert (await scene.by_header().of_statement(Asking("EXECUTE k", prepared).as_exchange())).owner == BLUE


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 1",
        f"SELECT '{KILL}'",
        "CALL system.runtime.other('x')",
        "EXECUTE s",
        "CALL system.runtime.kill_query(1)",
    ],
)
async def test_a_statement_that_kills_nothing_is_routed_like_any_other(sql: str) -> None:
    scene = Scene(owners=Owners(BLUE))
    decided = await scene.by_header().of_statement(Asking(sql).as_exchange())
    assert (decided.owner, decided.stores_asked) == (None, False)
    assert scene.owners.asked == []
    assert scene.counted() == {"by_header": 1}


async def test_a_query_that_no_cluster_knows_is_routed_like_any_other() -> None:
    scene = Scene()
    decided = await scene.by_rules(rule("method: POST", "group: etl")).of_statement(Asking(KILL).as_exchange())
    assert (decided.owner, decided.decision.group) == (None, "etl")
    assert scene.owners.asked == [ID]
    assert decided.stores_asked


async def test_where_the_owner_cannot_be_found_out_nobody_gets_the_statement() -> None:
    scene = Scene(owners=Owners(error=NoClusterAvailable("nobody says")))
    with pytest.raises(NoClusterAvailable, match="nobody says"):
        await scene.by_header().of_statement(Asking(KILL).as_exchange())


# --- who asks


@pytest.mark.parametrize(
    ("lines", "said", "user", "asked"),
    [
        (("X-Trino-User: me", "Authorization: Bearer abc"), {"sub": "other"}, "me", []),
        (("Authorization: Bearer abc",), {"sub": "holder", "groups": ["a"]}, "holder", ["abc"]),
        (("Authorization: Bearer abc",), None, None, ["abc"]),
        (("Authorization: Bearer abc",), {"sub": 5}, None, ["abc"]),
        (("Authorization: Basic bWU6cHc=",), {"sub": "other"}, "me", []),
        ((), {"sub": "other"}, None, []),
    ],
)
async def test_an_endpoint_is_asked_about_tokens_that_name_nobody(
    lines: tuple[str, ...], said: Mapping[str, Any] | None, user: str | None, asked: list[str]
) -> None:
    holders = Holders(said)
    service = Service(answer("etl"))
    scene = Scene(who=holders)
    decided = await scene.by_service(service).of_statement(Asking("SELECT 1", *lines).as_exchange())
    assert decided.user == (user or "")
    assert service.asked[0].user == RequestUser(user=user, user_info=said if asked else None)
    assert holders.asked == asked


async def test_other_requests_ask_no_endpoint() -> None:
    holders = Holders({"sub": "holder"})
    scene = Scene(who=holders)
    await scene.by_header().of_other(Asking(None, "Authorization: Bearer abc").as_exchange())
    assert holders.asked == []


async def test_a_very_long_name_is_cut_for_the_log_and_the_history() -> None:
    scene = Scene(who=Holders({"sub": "x" * 5000}))
    decided = await scene.by_header().of_statement(Asking("SELECT 1", "Authorization: Bearer abc").as_exchange())
    assert decided.user == "x" * LONGEST_USER
