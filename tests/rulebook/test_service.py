"""Against a real server on a loopback port, which answers what the test says and keeps what it was asked."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import MappingProxyType
from typing import Any

import orjson
import pytest
from aiohttp import web
from aiohttp.test_utils import RawTestServer
from structlog.testing import capture_logs

from warren.drivers.http import Answer
from warren.drivers.http_service import KeptHttpClient
from warren.facts import Facts, QueryProperties, RequestFacts, RequestUser
from warren.model import GroupName, QueryId
from warren.rulebook import service as module
from warren.rulebook.breaker import FAILURES, FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS
from warren.rulebook.service import (
    AT_ONCE,
    HOP_BY_HOP,
    LONGEST_GROUP,
    LONGEST_HEADERS,
    LONGEST_NAME,
    LONGEST_VALUE,
    MOST_HEADERS,
    RulesService,
    ServiceAnswer,
    ServiceFailed,
    ServiceTerms,
    query_properties_json,
    read_answer,
    request_body,
)
from warren.wire.syntax import forwarded

PAIRS = ((b"Host", b"gateway"), (b"X-Trino-User", b"alice"))
NOTHING_WANTED = ServiceAnswer(None, (), ())


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Rules:
    """The service: says `body` with `status`, or nothing at all while it is `silent`."""

    def __init__(self) -> None:
        self.status = 200
        self.body: bytes = b"{}"
        self.silent = False
        self.asked: list[web.BaseRequest] = []
        self.told: list[bytes] = []
        self.arrived = asyncio.Semaphore(0)
        self.url = ""

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        self.told.append(await request.read())
        self.asked.append(request)
        self.arrived.release()
        if self.silent:
            await asyncio.Event().wait()
        return web.Response(status=self.status, body=self.body)

    def sent(self, name: str) -> list[str]:
        """The values of a header of the last request."""
        return [value.decode() for key, value in self.asked[-1].raw_headers if key.decode().lower() == name]


class Scene:
    """A service of the gateway, the rules service that it asks, and the time."""

    def __init__(self, client: KeptHttpClient, rules: Rules) -> None:
        self.client = client
        self.rules = rules
        self.clock = Clock()
        self.service = self.asking(rules.url)

    def asking(self, url: str, *, exclude: frozenset[str] = frozenset(), timeout_seconds: float = 5.0) -> RulesService:
        terms = ServiceTerms(url=url, exclude_headers=exclude, propagate_errors=True, timeout_seconds=timeout_seconds)
        self.service = RulesService(self.client, terms, clock=self.clock)
        return self.service

    async def ask(self, facts: Facts | None = None, pairs: tuple[tuple[bytes, bytes], ...] = PAIRS) -> ServiceAnswer:
        return await self.service.ask(facts or Facts(request=RequestFacts()), pairs)

    async def fails(self, words: str) -> None:
        with pytest.raises(ServiceFailed, match=words):
            await self.ask()


@asynccontextmanager
async def serving(rules: Rules) -> AsyncIterator[Rules]:
    server = RawTestServer(rules.answer, handler_cancellation=True)
    await server.start_server()
    rules.url = str(server.make_url("/route"))
    try:
        yield rules
    finally:
        await server.close()


@pytest.fixture
async def scene() -> AsyncIterator[Scene]:
    client = KeptHttpClient(tls=None, connect_seconds=5)
    async with serving(Rules()) as rules:
        yield Scene(client, rules)
        await client.aclose()


@pytest.fixture
def nowhere() -> Any:
    """The URL of a port on which nobody listens, and that nobody else can take."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{bound.getsockname()[1]}/route"


# --- what it is asked


async def test_it_gets_the_clients_headers_and_one_content_type_of_ours(scene: Scene) -> None:
    pairs = (
        (b"Host", b"gateway"),
        (b"Content-Type", b"text/plain"),
        (b"content-length", b"8"),
        (b"Content-Encoding", b"gzip"),
        (b"Accept-Encoding", b"gzip"),
        (b"Expect", b"100-continue"),
        (b"Connection", b"keep-alive, X-Hop, Authorization"),
        (b"Keep-Alive", b"timeout=5"),
        (b"TE", b"trailers"),
        (b"Transfer-Encoding", b"chunked"),
        (b"Upgrade", b"h2c"),
        (b"Proxy-Authorization", b"Basic abc"),
        (b"X-Hop", b"1"),
        (b"X-Trino-Source", "zoë".encode()),
        (b"x-trino-client-tags", b"a"),
        (b"X-Trino-Client-Tags", b"b"),
        (b"Authorization", b"Bearer abc"),
        (b"Cookie", b'a="b c"'),
        (b"X-Broken", b"\xff"),
        (b"X-Empty", b""),
    )
    await scene.ask(pairs=pairs)

    assert scene.rules.sent("content-type") == ["application/json; charset=utf-8"]
    assert scene.rules.sent("x-trino-source") == ["zoë"]
    assert scene.rules.sent("x-trino-client-tags") == ["a", "b"]
    assert scene.rules.sent("authorization") == ["Bearer abc"]
    assert scene.rules.sent("cookie") == ['a="b c"']
    assert scene.rules.sent("x-broken") == ["\ufffd"]
    assert scene.rules.sent("x-empty") == [""]
    assert scene.rules.sent("accept-encoding") == ["identity"]
    assert scene.rules.sent("content-length") == [str(len(scene.rules.told[-1]))]
    assert scene.rules.sent("host") == [scene.rules.url.split("/")[2]]
    for name in (
        "content-encoding",
        "expect",
        "keep-alive",
        "te",
        "transfer-encoding",
        "upgrade",
        "proxy-authorization",
    ):
        assert scene.rules.sent(name) == []
    assert scene.rules.sent("x-hop") == []


@pytest.mark.parametrize("name", [b"Authorization", b"authorization", b"AUTHORIZATION"])
async def test_excluded_headers_are_not_sent_in_any_spelling(scene: Scene, name: bytes) -> None:
    scene.asking(scene.rules.url, exclude=frozenset({"authorization"}))
    await scene.ask(pairs=((name, b"Bearer abc"), (b"X-Trino-User", b"alice")))
    assert scene.rules.sent("authorization") == []
    assert scene.rules.sent("x-trino-user") == ["alice"]


@pytest.mark.parametrize(
    "pair", [(b"X-A", b"a\r\nX-B: b"), (b"X-A", b"\x00"), (b"X A", b"a"), (b"", b"a"), (b"\xff", b"a")]
)
async def test_a_header_that_cannot_be_sent_does_no_harm(scene: Scene, pair: tuple[bytes, bytes]) -> None:
    assert await scene.ask(pairs=(pair,)) == NOTHING_WANTED
    assert scene.rules.sent("x-a") == scene.rules.sent("x-b") == []


async def test_user_info_in_the_url_stands_for_the_clients_authorization_and_is_not_shown(scene: Scene) -> None:
    scene.asking(scene.rules.url.replace("//", "//warren:p%40ss@") + "?key=abc")
    await scene.ask(pairs=((b"Authorization", b"Bearer abc"),))
    assert scene.rules.sent("authorization") == ["Basic d2FycmVuOnBAc3M="]
    assert scene.rules.asked[-1].query_string == "key=abc"
    assert scene.service.state()["url"] == scene.rules.url


REQUEST = RequestFacts(
    method="POST",
    path="/v1/statement",
    query="b=2&a=1&b=3&empty=",
    remote_address="10.0.0.1",
    headers={"x-trino-user": ["alice"]},
)
SQL = QueryProperties(
    body="SELECT 1",
    query_type="Query",
    resource_group_query_type="SELECT",
    default_catalog="Hive",
    tables=frozenset({("b", "s", "t"), ("a", "s", "t")}),
    catalogs=frozenset({"b", "a"}),
    schemas=frozenset({"s"}),
    catalog_schemas=frozenset({"b.s", "a.s"}),
    is_new_query_submission=True,
    query_id=QueryId("20250101_000000_00001_abcde"),
)


async def test_it_is_told_of_the_request(scene: Scene) -> None:
    await scene.ask(Facts(request=REQUEST, user=RequestUser(user="alice")))
    assert (scene.rules.asked[-1].method, scene.rules.asked[-1].path) == ("POST", "/route")
    assert orjson.loads(scene.rules.told[-1]) == {
        "contentType": "application/json",
        "method": "POST",
        "requestURI": "/v1/statement",
        "queryString": "b=2&a=1&b=3&empty=",
        "remoteAddr": "10.0.0.1",
        "remoteHost": "10.0.0.1",
        "parameters": {"b": ["2", "3"], "a": ["1"], "empty": [""]},
    }


def test_what_is_not_there_is_absent() -> None:
    told = orjson.loads(request_body(Facts(request=RequestFacts(), query=QueryProperties())))
    assert "queryString" not in told
    assert told["parameters"] == {}
    assert told["trinoRequestUser"] == {}
    assert (
        told["trinoQueryProperties"].keys().isdisjoint({"defaultCatalog", "defaultSchema", "errorMessage", "queryId"})
    )


def test_with_analysis_it_is_told_of_the_sql_and_who_asks() -> None:
    user = RequestUser(user="alice", user_info=MappingProxyType({"sub": "alice", "groups": ["b", "a"]}))
    told = orjson.loads(request_body(Facts(request=REQUEST, user=user, query=SQL)))
    assert told["trinoRequestUser"] == {"user": "alice", "userInfo": '{"groups":["b","a"],"sub":"alice"}'}
    assert told["trinoQueryProperties"] == query_properties_json(SQL)


def test_query_properties_are_written_as_upstream_writes_them_and_sorted() -> None:
    assert query_properties_json(SQL) == {
        "body": "SELECT 1",
        "queryType": "Query",
        "resourceGroupQueryType": "SELECT",
        "tables": ["a.s.t", "b.s.t"],
        "defaultCatalog": "Hive",
        "catalogs": ["a", "b"],
        "schemas": ["s"],
        "catalogSchemas": ["a.s", "b.s"],
        "isNewQuerySubmission": True,
        "isQueryParsingSuccessful": True,
    }
    failed = QueryProperties(is_query_parsing_successful=False, error_message="line 1:8")
    assert query_properties_json(failed)["errorMessage"] == "line 1:8"


async def test_what_cannot_be_written_as_json_fails_and_says_nothing_against_the_service(scene: Scene) -> None:
    deep: dict[str, Any] = {}
    for _ in range(1000):
        deep = {"a": deep}
    facts = Facts(request=REQUEST, user=RequestUser(user_info=deep), query=SQL)
    for _ in range(FAILURES):
        with pytest.raises(ServiceFailed, match="cannot be told to the rules service"):
            await scene.ask(facts)
    assert scene.rules.asked == []
    assert await scene.ask() == NOTHING_WANTED


# --- what it answers


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        ({}, NOTHING_WANTED),
        ({"routingGroup": "etl"}, ServiceAnswer(GroupName("etl"), (), ())),
        ({"routingGroup": None}, NOTHING_WANTED),
        ({"routingGroup": " "}, NOTHING_WANTED),
        (
            {"routingGroup": "", "externalHeaders": {"X-A": "1"}},
            ServiceAnswer(None, ((b"X-A", b"1"),), ()),
        ),
        (
            {"routingGroup": "etl", "errors": ["no", "never"], "externalHeaders": {"X-A": "1"}},
            ServiceAnswer(GroupName("etl"), ((b"X-A", b"1"),), ("no", "never")),
        ),
        ({"errors": ["no"]}, ServiceAnswer(None, (), ("no",))),
        ({"errors": [], "externalHeaders": None}, NOTHING_WANTED),
        ({"errors": None, "externalHeaders": {}, "reason": {"unknown": [1]}}, NOTHING_WANTED),
        ({"externalHeaders": {"X-A": "", "X-B": None}}, ServiceAnswer(None, ((b"X-A", b""),), ())),
        ({"externalHeaders": {"X-A": " zoë\t"}}, ServiceAnswer(None, ((b"X-A", "zoë".encode()),), ())),
        ({"externalHeaders": {"X-A": "1", "x-a": "2"}}, ServiceAnswer(None, ((b"x-a", b"2"),), ())),
        ({"externalHeaders": {"X-Secret": "1", "x-secret": "2"}}, NOTHING_WANTED),
        ({"externalHeaders": {"X-Secret": "a\nb"}}, NOTHING_WANTED),
    ],
)
async def test_what_it_wants(scene: Scene, said: dict[str, Any], answer: ServiceAnswer) -> None:
    scene.asking(scene.rules.url, exclude=frozenset({"x-secret"}))
    scene.rules.body = orjson.dumps(said)
    assert await scene.ask() == answer
    assert scene.service.counts.answered == 1


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (500, b"{}", "answered 500 instead of 200"),
        (204, b"", "answered 204 instead of 200"),
        (301, b"{}", "answered 301 instead of 200"),
        (404, b'{"routingGroup":"etl"}', "answered 404 instead of 200"),
        (200, b"", "not JSON"),
        (200, b"\xff", "not JSON"),
        (200, b'{"routingGroup":"etl"', "not JSON"),
        (200, b"[" * 100_000, "not JSON"),
        (200, b'["etl"]', "not an object"),
        (200, b"null", "not an object"),
        (200, b'{"routingGroup":5}', "routingGroup that is not a text"),
        (200, b'{"routingGroup":"%b"}' % (b"a" * (LONGEST_GROUP + 1)), "routingGroup of more than 255"),
        (200, b'{"errors":"no"}', "errors that are not a list of texts"),
        (200, b'{"errors":["no",1]}', "errors that are not a list of texts"),
        (200, b'{"externalHeaders":["X-A"]}', "externalHeaders that are not an object"),
        (200, b'{"externalHeaders":{"X-A":5}}', "header X-A whose value is not a text"),
        (200, b"x" * (1024 * 1024 + 1), "cannot be asked: answered with a body of more than"),
    ],
)
async def test_an_answer_that_cannot_be_used_fails(scene: Scene, status: int, body: bytes, words: str) -> None:
    scene.rules.status, scene.rules.body = status, body
    await scene.fails(words)
    assert (scene.service.counts.failed, scene.service.counts.answered) == (1, 0)


@pytest.mark.parametrize(
    ("headers", "words"),
    [
        ({"X-A": "a\r\nX-B: b"}, "header X-A with a control character"),
        ({"X-A": "a\n"}, "header X-A with a control character"),
        ({"X-A": "\x00"}, "header X-A with a control character"),
        ({"X-A": "\x7f"}, "header X-A with a control character"),
        ({"X-A": "\x85"}, "header X-A with a control character"),
        ({"X-A: b\r\nX-B": "c"}, "not a header's name"),
        ({"X-Ä": "c"}, "not a header's name"),
        ({"": "c"}, "not a header's name"),
        ({"X-A\n": "c"}, r"header X-A\?, which is not a header's name"),
        ({"a" * (LONGEST_NAME + 1): "c"}, "not a header's name"),
        ({"X-A": "a" * (LONGEST_VALUE + 1)}, "header X-A of more than 8192 bytes"),
        ({f"X-{number}": "a" * LONGEST_VALUE for number in range(4)}, f"more than {LONGEST_HEADERS} bytes together"),
        ({f"X-{number}": "a" for number in range(MOST_HEADERS + 1)}, "more than 100 headers"),
        ({"Transfer-Encoding": "a\r\n\r\nGET /"}, "with a control character"),
    ],
)
def test_one_bad_header_spoils_the_whole_answer(headers: dict[str, str], words: str) -> None:
    said = orjson.dumps({"routingGroup": "etl", "externalHeaders": {"X-Good": "1"} | headers})
    with pytest.raises(ServiceFailed, match=words) as failure:
        read_answer(Answer(200, {}, said), frozenset())
    assert str(failure.value).isprintable()


def test_as_many_and_as_long_as_allowed_are_taken() -> None:
    headers = {f"X-{number}": "a" for number in range(MOST_HEADERS)} | {"X-0": "a" * LONGEST_VALUE}
    answer, left_out = read_answer(Answer(200, {}, orjson.dumps({"externalHeaders": headers})), frozenset())
    assert (len(answer.headers), left_out) == (MOST_HEADERS, ())


@pytest.mark.parametrize(
    "name",
    [
        *("Content-Length", "Transfer-Encoding", "TE", "Trailer", "Expect", "Upgrade", "HTTP2-Settings"),
        *("Connection", "Keep-Alive", "Proxy-Connection", "Proxy-Authorization", "Proxy-Whatever"),
        *("Host", "hOST", "Via", "Forwarded", "X-Forwarded-For", "x-forwarded-proto", "X-Forwarded-New"),
        *("X-Warren-Client-Address", "X-Warren-Scheme"),
    ],
)
def test_framing_and_the_way_of_the_request_are_not_its_to_set(name: str) -> None:
    said = orjson.dumps({"externalHeaders": {name: "1", "X-Trino-Client-Tags": "a"}})
    answer, left_out = read_answer(Answer(200, {}, said), frozenset())
    assert answer.headers == ((b"X-Trino-Client-Tags", b"a"),)
    assert left_out == (name,)


def test_the_fields_of_one_hop_are_those_of_the_wire() -> None:
    assert {name.encode() for name in HOP_BY_HOP} == forwarded.HOP_BY_HOP


async def test_headers_left_out_are_counted_and_named_once_without_their_values(scene: Scene) -> None:
    scene.rules.body = b'{"externalHeaders":{"Host":"secret","Via":"secret","X-A":"1"}}'
    with capture_logs() as logs:
        for _ in range(3):
            await scene.ask()
    assert scene.service.counts.headers_left_out == 6
    assert [(line["event"], line["headers"]) for line in logs] == [("rules_service_headers_left_out", "Host, Via")]
    assert "secret" not in str(logs)


# --- when it is in trouble


async def test_a_service_that_is_not_there_is_left_alone_until_a_trial_finds_it(scene: Scene, nowhere: str) -> None:
    scene.asking(nowhere)
    await scene.fails(r"^the rules service cannot be asked: connection refused$")
    await scene.fails("left alone for a moment, because it failed: connection refused")
    assert scene.service.state() == {
        "url": nowhere,
        "breaker": "open",
        "failing": True,
        "lastError": "the rules service cannot be asked: connection refused",
    }
    assert (scene.service.counts.failed, scene.service.counts.refused_by_breaker) == (1, 1)
    assert scene.service.seconds.count == 1, "nothing was called the second time"


async def test_pauses_before_trials_double_up_to_the_longest(scene: Scene, nowhere: str) -> None:
    scene.asking(nowhere)
    await scene.fails("refused")
    pause = FIRST_PAUSE_SECONDS
    for calls in range(2, 10):
        scene.clock.now += pause - 0.001
        await scene.fails("left alone")
        scene.clock.now += 0.002
        await scene.fails("connection refused$")
        assert scene.service.seconds.count == calls
        pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
    assert pause == LONGEST_PAUSE_SECONDS


async def test_a_successful_trial_closes_the_breaker_and_the_log_has_one_line_each(scene: Scene) -> None:
    scene.rules.status = 503
    with capture_logs() as logs:
        for _ in range(FAILURES):
            await scene.fails("answered 503")
        await scene.fails("left alone for a moment, because it failed: it answered 503")
        scene.rules.status = 200
        scene.clock.now += FIRST_PAUSE_SECONDS
        for _ in range(3):
            assert await scene.ask() == NOTHING_WANTED
    assert [line["event"] for line in logs] == ["rules_service_failing", "rules_service_back"]
    assert logs[0]["because"] == "the rules service answered 503 instead of 200"
    assert logs[1]["seconds"] == 0.1
    assert scene.service.state()["breaker"] == "closed"
    assert scene.service.state()["failing"] is False


async def test_after_it_was_back_pauses_begin_anew(scene: Scene) -> None:
    for _ in range(2):
        scene.rules.status = 503
        for _ in range(FAILURES):
            await scene.fails("answered 503")
        for pause in (FIRST_PAUSE_SECONDS, 2 * FIRST_PAUSE_SECONDS):
            scene.clock.now += pause + 0.001
            await scene.fails("answered 503 instead")
        scene.rules.status = 200
        scene.clock.now += 4 * FIRST_PAUSE_SECONDS + 0.001
        await scene.ask()


async def test_a_silent_service_costs_its_time_a_few_times_and_then_nothing(scene: Scene) -> None:
    scene.asking(scene.rules.url, timeout_seconds=0.2)
    scene.rules.silent = True
    for _ in range(FAILURES):
        await scene.fails("did not answer in time")
    await scene.fails("left alone")
    assert scene.service.seconds.count == FAILURES


async def test_a_service_that_is_slow_at_times_goes_on_being_asked(scene: Scene) -> None:
    for _ in range(FAILURES):
        for _ in range(FAILURES - 1):
            scene.rules.status = 503
            await scene.fails("answered 503")
        scene.rules.status = 200
        await scene.ask()
    assert scene.service.counts.refused_by_breaker == 0


@pytest.mark.parametrize("status", [400, 413, 431, 500])
async def test_what_may_be_about_one_request_does_not_close_the_service_to_others(scene: Scene, status: int) -> None:
    scene.rules.status = status
    for _ in range(3 * FAILURES):
        await scene.fails(f"answered {status}")
    assert scene.service.counts.refused_by_breaker == 0


async def test_only_one_trial_is_made_at_a_time_and_who_leaves_frees_it(scene: Scene, nowhere: str) -> None:
    service = scene.asking(nowhere)
    await scene.fails("connection refused")
    scene.rules.silent = True
    scene.service._url = scene.rules.url  # it is there now, and thinks
    scene.clock.now += FIRST_PAUSE_SECONDS
    async with asyncio.TaskGroup() as group:
        trial = group.create_task(scene.ask())
        await scene.rules.arrived.acquire()
        await scene.fails("left alone")
        trial.cancel()
    scene.rules.silent = False
    assert await scene.ask() == NOTHING_WANTED
    assert service.state()["breaker"] == "closed"


async def test_more_than_so_many_requests_do_not_wait_for_it(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "AT_ONCE", 2)
    scene.rules.silent = True
    async with asyncio.TaskGroup() as group:
        waiting = [group.create_task(scene.ask()) for _ in range(2)]
        for _ in waiting:
            await scene.rules.arrived.acquire()
        await scene.fails("2 requests wait for the rules service already")
        for each in waiting:
            each.cancel()
    scene.rules.silent = False
    assert await scene.ask() == NOTHING_WANTED, "who left makes room"
    assert AT_ONCE > 2


async def test_a_log_that_flaps_stays_short(scene: Scene) -> None:
    with capture_logs() as logs:
        for _ in range(50):
            scene.rules.status = 400
            await scene.fails("400")
            scene.rules.status = 200
            await scene.ask()
    assert len(logs) < 10


async def test_time_is_counted_for_calls_with_and_without_an_answer(scene: Scene) -> None:
    await scene.ask()
    scene.rules.status = 503
    await scene.fails("503")
    assert scene.service.seconds.count == 2
    assert scene.service.counts.asked == 2
