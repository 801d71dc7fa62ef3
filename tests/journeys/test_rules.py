"""Rules of a file and of a service through whole gateways: where statements go, and what becomes of those that may not run."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Mapping, MutableMapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

import orjson
import pytest
from aiohttp import web
from aiohttp.test_utils import RawTestServer
from structlog.testing import capture_logs
from trino.dbapi import Connection as ClientConnection
from trino.exceptions import TrinoUserError

from tests.fixtures.child import free_port
from tests.fixtures.openmetrics import families
from tests.journeys.plain_cluster import plain_cluster
from tests.journeys.scene import MADE_UP, USER, Connection, Gateway, ask, gateway, run, submit, until
from warren.rulebook import rulebook
from warren.simulator.coordinator import Simulator
from warren.simulator.http.behaviour import Behaviour

ANALYSES = {"requestAnalyzerConfig": {"analyzeRequest": True}}
CLIENTS = 4
LONG = "SELECT 1 /* simulate: seconds=60 */"
Lines = list[MutableMapping[str, Any]]


def by_file(directory: Path, text: str) -> dict[str, Any]:
    """Settings of a gateway with this rules file."""
    file = directory / "rules.yaml"
    file.write_text(text)
    return {"routingRules": {"rulesEngineEnabled": True, "rulesConfigPath": str(file)}}


def rule(when: str, then: str, name: str = "one") -> str:
    return f"name: {name}\nwhen: {{{when}}}\nthen: {{{then}}}\n"


class Two:
    """A gateway before two clusters: blue in the default group, green in group etl."""

    def __init__(self, here: Gateway, blue: Simulator, green: Simulator) -> None:
        self.here = here
        self.url = here.url
        self.blue = blue
        self.green = green

    async def goes_to(self, sql: str = "SELECT 1", headers: Mapping[str, str] | None = None) -> str:
        page = await submit(self.url, sql, headers)
        return {self.blue.coordinator_id: "blue", self.green.coordinator_id: "green"}[page.query_id[-5:]]

    @property
    def statements(self) -> int:
        """How many have reached a cluster."""
        return sum(cluster.log.count("POST", "/v1/statement") for cluster in (self.blue, self.green))

    async def number(self, name: str, **labels: str) -> float:
        """A metric."""
        text = (await ask("GET", f"{self.url}/metrics", headers={"Accept": "application/openmetrics-text"})).text
        found = [
            sample.value
            for family in families(text)
            for sample in family.samples
            if sample.name == name and sample.labels == labels
        ]
        assert len(found) == 1, f"{name} {labels}: {found}"
        return found[0]

    async def becomes(self, name: str, value: float) -> None:
        """Wait until a metric has this value."""
        async with asyncio.timeout(20):
            while await self.number(name) != value:  # noqa: ASYNC110 nobody tells when a file was read
                await asyncio.sleep(0.01)


@asynccontextmanager
async def two(directory: Path, settings: dict[str, Any], *, scattered: bool = False) -> AsyncIterator[Two]:
    async with (
        Simulator(scattered_ids=scattered) as blue,
        Simulator(scattered_ids=scattered) as green,
        gateway(directory / "here", {"blue": blue.url}, settings=settings) as here,
    ):
        await here.add("green", green.url, group="etl")
        yield Two(here, blue, green)


def statements(lines: Lines) -> Lines:
    return [line for line in lines if line["event"] == "statement"]


# --- rules of a file


async def test_a_statement_goes_to_the_group_of_its_rule_and_says_why(tmp_path: Path) -> None:
    async with two(tmp_path, by_file(tmp_path, rule("source: airflow", "group: etl"))) as scene:
        with capture_logs() as lines:
            assert await scene.goes_to(headers={"X-Trino-Source": "airflow"}) == "green"
            assert await scene.goes_to(headers={"X-Trino-Source": "cli", "X-Trino-Routing-Group": "etl"}) == "blue"
        assert [line["because"] for line in statements(lines)] == [
            "rule one says group etl; the only candidate",
            "none of 1 rules says a group, so default group adhoc; the only candidate",
        ]
        assert await scene.number("warren_decisions_total", by="rules") == 2


async def test_a_query_that_is_routed_by_a_rule_is_followed_to_its_end(tmp_path: Path) -> None:
    async with two(tmp_path, by_file(tmp_path, rule("user: test", "group: etl"))) as scene:
        page = await run(scene.url, "SELECT nationkey FROM tpch.tiny.nation ORDER BY nationkey")
        assert (len(page.rows), page.error) == (25, None)
        assert scene.green.log.count("GET", "/v1/statement") > 0
        assert scene.blue.log.count("GET", "/v1/statement") == 0


async def test_the_tables_of_a_statement_decide(tmp_path: Path) -> None:
    settings = by_file(tmp_path, rule("tables: {startsWith: tpch.tiny.}", "group: etl")) | ANALYSES
    async with two(tmp_path, settings) as scene:
        session = {"X-Trino-Catalog": "tpch", "X-Trino-Schema": "tiny"}
        assert await scene.goes_to("SELECT * FROM tpch.tiny.nation") == "green"
        assert await scene.goes_to("SELECT * FROM nation", session) == "green"
        assert await scene.goes_to("WITH nation AS (SELECT 1) SELECT * FROM nation", session) == "blue"
        assert await scene.goes_to("SELECT 'tpch.tiny.nation'") == "blue"
        assert await scene.goes_to("SELECT * FROM nation") == "blue"  # nobody can know which


async def test_a_prepared_statement_is_routed_by_what_it_executes(tmp_path: Path) -> None:
    settings = by_file(tmp_path, rule("tables: tpch.tiny.nation", "group: etl")) | ANALYSES
    async with two(tmp_path, settings) as scene:
        prepared = {"X-Trino-Prepared-Statement": f"mine={quote_plus('SELECT * FROM tpch.tiny.nation')}"}
        assert await scene.goes_to("EXECUTE mine", prepared) == "green"
        assert await scene.goes_to("EXECUTE other", prepared) == "blue"
        assert await scene.goes_to("EXECUTE IMMEDIATE 'SELECT * FROM tpch.tiny.nation'") == "green"


async def test_a_long_statement_is_routed_by_what_it_says_and_arrives_whole(tmp_path: Path) -> None:
    settings = by_file(tmp_path, rule("tables: tpch.tiny.nation", "group: etl")) | ANALYSES
    sql = f"SELECT count(*) FROM tpch.tiny.nation WHERE nationkey NOT IN ({', '.join(['-1'] * 60_000)})"
    async with two(tmp_path, settings) as scene:
        assert await scene.goes_to(sql) == "green"
        assert [post.length for post in scene.green.log.posts] == [len(sql)]


async def test_a_file_of_trino_gateway_routes_unchanged(tmp_path: Path) -> None:
    text = (Path(__file__).parents[1] / "routing" / "rules" / "files" / "if-statements.yaml").read_text()
    async with two(tmp_path, by_file(tmp_path, text)) as scene:
        assert await scene.goes_to(headers={"X-Trino-Source": "airflow"}) == "green"
        assert await scene.goes_to() == "blue"


# --- statements that may not run


REJECTS = rule("user: test, not: {source: airflow}", "reject: Use the door of your team.", "door")


async def test_a_rejected_statement_fails_in_trinos_own_form_and_reaches_no_cluster(tmp_path: Path) -> None:
    async with two(tmp_path, by_file(tmp_path, REJECTS)) as scene:
        with capture_logs() as lines:
            answered = await ask("POST", f"{scene.url}/v1/statement", "SELECT 1", USER)
        assert (answered.status, answered.header("content-type")) == (200, "application/json")
        page = answered.json()
        assert page["error"]["message"] == "Use the door of your team."
        assert (page["error"]["errorName"], page["stats"]["state"]) == ("PERMISSION_DENIED", "FAILED")
        assert page["infoUri"].startswith(f"{scene.url}/ui/")
        assert "nextUri" not in page
        (line,) = statements(lines)
        assert (line["because"], line["status"], line["cluster"]) == ("rule door rejects it", 200, None)
        assert (line["user"], line["tries"]) == ("test", 0)
        assert scene.statements == 0
        assert await scene.goes_to(headers={"X-Trino-Source": "airflow"}) == "blue"
        assert await scene.number("warren_decisions_total", by="rejected") == 1


async def test_the_connection_of_a_rejected_statement_serves_the_next_request(tmp_path: Path) -> None:
    async with two(tmp_path, by_file(tmp_path, REJECTS)) as scene, await Connection.to(scene.url) as client:
        for _ in range(3):
            answered = await client.ask("POST", "/v1/statement", f"SELECT '{'x' * 100_000}'", USER)
            assert answered.json()["stats"]["state"] == "FAILED"
        answered = await client.ask("POST", "/v1/statement", "SELECT 1", {**USER, "X-Trino-Source": "airflow"})
        assert answered.page().error is None


@pytest.mark.parametrize("framing", [b"Content-Length: 50000000", b"Transfer-Encoding: chunked"])
async def test_a_long_statement_is_rejected_before_it_is_here(tmp_path: Path, framing: bytes) -> None:
    """Nobody reads the rest: the connection ends with that, so that it is not taken for the next request."""
    piece = b"SELECT '" + b"x" * 20_000
    chunk = piece if framing.startswith(b"Content") else b"%x\r\n%b\r\n" % (len(piece), piece)
    async with two(tmp_path, by_file(tmp_path, REJECTS)) as scene, await Connection.to(scene.url) as client:
        head = b"POST /v1/statement HTTP/1.1\r\nHost: x\r\nX-Trino-User: test\r\n" + framing + b"\r\n\r\n"
        client.writer.write(head + chunk)
        assert await client.first_line() == b"HTTP/1.1 200 OK\r\n"
        fields = await client.head()
        assert fields[b"connection"] == b"close"
        body = await client.some()
        assert orjson.loads(body)["error"]["message"] == "Use the door of your team."
        assert scene.statements == 0


async def test_trinos_python_client_shows_the_message(tmp_path: Path) -> None:
    def runs(port: int) -> list[Any]:
        with ClientConnection("127.0.0.1", port=port, user="test", source="test") as connection:
            cursor = connection.cursor()
            cursor.execute("SELECT 1")
            rows: list[Any] = cursor.fetchall()
            return rows

    async with two(tmp_path, by_file(tmp_path, REJECTS)) as scene:
        with pytest.raises(TrinoUserError) as failure:
            await asyncio.to_thread(runs, scene.here.port)
        assert failure.value.message == "Use the door of your team."
        assert failure.value.error_name == "PERMISSION_DENIED"
        (tmp_path / "rules.yaml").write_text(rule("user: test", "group: etl"))
        book = scene.here.instance._steering.rulebook
        assert book is not None
        await until(lambda: book.counts.used == 1, "the change of the rules")
        assert await asyncio.to_thread(runs, scene.here.port) == [[1]]


async def test_other_requests_that_are_rejected_get_a_403(tmp_path: Path) -> None:
    async with two(tmp_path, by_file(tmp_path, rule("path: {startsWith: /ui}", "reject: no pages"))) as scene:
        answered = await ask("GET", f"{scene.url}/ui/", headers=USER)
        assert (answered.status, answered.json()) == (403, {"status": 403, "message": "no pages"})
        assert (await ask("GET", f"{scene.url}/v1/info", headers=USER)).status == 200


# --- pins and fall-backs


async def test_a_pinned_cluster_runs_it_whatever_its_group(tmp_path: Path) -> None:
    async with two(tmp_path, by_file(tmp_path, rule("source: pinned", "cluster: green"))) as scene:
        with capture_logs() as lines:
            assert await scene.goes_to(headers={"X-Trino-Source": "pinned"}) == "green"
        assert statements(lines)[0]["group"] == "etl"
        assert await scene.goes_to() == "blue"
        await scene.here.change("update", "green", scene.green.url, group="etl", active=False)
        refused = await ask("POST", f"{scene.url}/v1/statement", "SELECT 1", {**USER, "X-Trino-Source": "pinned"})
        assert (refused.status, "cluster green is not usable (green: inactive)" in refused.text) == (503, True)


@pytest.mark.parametrize(
    ("then", "taker"),
    [
        ("group: night", "blue"),
        ("group: night, fallbackGroup: etl", "green"),
        ("cluster: gone, fallbackGroup: etl", "green"),
        ("group: night, fallbackGroup: night", None),
        ("cluster: gone", None),
    ],
)
async def test_a_group_without_clusters_falls_back_as_the_rule_says(
    tmp_path: Path, then: str, taker: str | None
) -> None:
    async with two(tmp_path, by_file(tmp_path, rule("method: POST", then))) as scene:
        if taker is not None:
            assert await scene.goes_to() == taker
        else:
            assert (await ask("POST", f"{scene.url}/v1/statement", "SELECT 1", USER)).status == 503
            assert scene.statements == 0


# --- rules that fail, and files that are broken


async def test_a_rule_that_fails_leaves_the_header_to_decide_and_is_counted(tmp_path: Path) -> None:
    text = 'name: odd\ncondition: request.getHeader("X").length() > 0\nactions: [\'result.put("routingGroup", "x")\']\n'
    async with two(tmp_path, by_file(tmp_path, text)) as scene:
        with capture_logs() as lines:
            assert await scene.goes_to(headers={"X-Trino-Routing-Group": "etl"}) == "green"
            assert await scene.goes_to() == "blue"
        why = "rule odd: null pointer: length() asked of null"
        assert [line["because"] for line in lines if line["event"] == "rule_failed"] == [why] * 2
        assert statements(lines)[0]["because"].startswith(f"{why}; header X-Trino-Routing-Group says etl")
        assert await scene.number("warren_decisions_total", by="fallback") == 2


async def test_a_gateway_with_a_broken_file_starts_with_the_last_good_one(tmp_path: Path) -> None:
    settings = by_file(tmp_path, rule("user: test", "group: etl"))
    async with two(tmp_path, settings) as scene:
        assert await scene.goes_to() == "green"
    (tmp_path / "rules.yaml").write_text("name: [broken\n")
    async with gateway(tmp_path / "here", settings=settings) as here:
        with capture_logs() as lines:
            refused = await ask("POST", f"{here.url}/v1/statement", "SELECT 1", USER)
        assert refused.status == 503  # its clusters are gone; what counts is who was to take it
        assert statements(lines)[0]["because"].startswith("rule one says group etl")
        assert "broken" not in (await here.api("GET", "/trino-gateway/readyz")).text


# --- statements that kill a query


SPELLINGS = [
    "CALL system.runtime.kill_query('{id}', 'too long')",
    "call System.Runtime.Kill_Query(message => 'too long', query_id => '{id}')",
    '/* why */ CALL "system".runtime."kill_query" ( query_id => \'{id}\' )',
    "-- why\nCALL system . runtime . kill_query('{id}')",
]


async def begun(url: str) -> str:
    """The id of a query that runs: before its first poll no cluster admits to know it."""
    page = await submit(url, LONG)
    assert page.next_uri is not None
    assert (await ask("GET", page.next_uri)).page().error is None
    return page.query_id


async def is_killed(cluster: Simulator, query_id: str) -> bool:
    found = (await ask("GET", f"{cluster.url}/v1/query/{query_id}", headers=USER)).json()
    return bool(found["state"] == "FAILED")


@pytest.mark.parametrize("analysed", [False, True], ids=["not analysed", "analysed"])
@pytest.mark.parametrize("scattered", [False, True], ids=["by coordinator id", "by search"])
async def test_a_statement_that_kills_goes_to_the_cluster_of_its_query(
    tmp_path: Path, analysed: bool, scattered: bool
) -> None:
    """The query was sent past the gateway, so nothing but its id, or nothing at all, tells where it is."""
    settings = by_file(tmp_path, rule("user: test", "group: adhoc")) | (ANALYSES if analysed else {})
    async with two(tmp_path, settings, scattered=scattered) as scene:
        # The simulator's own reader of SQL knows the first spelling; how the others are read is the gateway's affair.
        victim = await begun(scene.green.url)
        page = await run(scene.url, SPELLINGS[0].format(id=victim))
        assert page.error is None
        assert await is_killed(scene.green, victim)
        for spelling in SPELLINGS:
            victim = await begun(scene.green.url)
            before = scene.green.log.count("POST", "/v1/statement")
            with capture_logs() as lines:
                await submit(scene.url, spelling.format(id=victim))
            assert scene.green.log.count("POST", "/v1/statement") == before + 1
            (line,) = statements(lines)
            assert line["cluster"] == "green"
            assert line["because"].startswith(f"it kills {victim}, a query of cluster green")
        assert scene.blue.log.count("POST", "/v1/statement") == 0


@pytest.mark.parametrize("settings", [{}, ANALYSES], ids=["not analysed", "analysed"])
async def test_a_query_that_nobody_knows_is_for_any_cluster_to_deny(tmp_path: Path, settings: dict[str, Any]) -> None:
    async with two(tmp_path, by_file(tmp_path, rule("user: test", "group: etl")) | settings) as scene:
        page = await run(scene.url, SPELLINGS[0].format(id=MADE_UP))
        assert page.error is not None
        assert scene.green.log.count("POST", "/v1/statement") == 1
        assert scene.blue.log.count("POST", "/v1/statement") == 0
        assert await scene.number("warren_kills_total", by="unknown") == 1


async def test_while_a_cluster_that_may_have_it_is_down_nobody_gets_the_statement(tmp_path: Path) -> None:
    async with two(tmp_path, by_file(tmp_path, "")) as scene:
        await scene.green.behave(Behaviour(refuse=True))
        refused = await ask("POST", f"{scene.url}/v1/statement", SPELLINGS[0].format(id=MADE_UP), USER)
        assert refused.status == 503
        assert "could not be found out at: green" in refused.text
        assert scene.statements == 0


async def test_a_known_owner_that_is_down_is_not_replaced_by_another(tmp_path: Path) -> None:
    async with two(tmp_path, by_file(tmp_path, "")) as scene:
        victim = await begun(scene.url)
        assert scene.statements == 1
        await scene.blue.behave(Behaviour(refuse=True))
        refused = await ask("POST", f"{scene.url}/v1/statement", SPELLINGS[0].format(id=victim), USER)
        assert refused.status == 503
        assert scene.green.log.count("POST", "/v1/statement") == 0


# --- a service that decides


class Service:
    """A rules service and a UserInfo endpoint: says what the test wants, and keeps what it was asked."""

    def __init__(self) -> None:
        self.says: dict[str, Any] = {}
        self.status = 200
        self.silent = False
        self.asked: list[dict[str, Any]] = []
        self.headers: list[Mapping[str, str]] = []
        self.tokens: list[str] = []
        self.url = ""

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.path == "/userinfo":
            self.tokens.append(request.headers["Authorization"])
            return web.json_response({"sub": "holder"})
        self.asked.append(orjson.loads(await request.read()))
        self.headers.append(request.headers)
        if self.silent:
            await asyncio.Event().wait()
        return web.json_response(self.says, status=self.status)

    def settings(self, **more: object) -> dict[str, Any]:
        external = {"urlPath": f"{self.url}/route", "timeout": "10s", **more}
        return {
            "routingRules": {
                "rulesEngineEnabled": True,
                "rulesType": "EXTERNAL",
                "rulesExternalConfiguration": external,
            }
        }


@asynccontextmanager
async def service() -> AsyncIterator[Service]:
    rules = Service()
    server = RawTestServer(rules.answer, handler_cancellation=True)
    await server.start_server()
    rules.url = str(server.make_url("")).rstrip("/")
    try:
        yield rules
    finally:
        await server.close()


async def test_a_service_decides_and_sets_headers_on_the_way_to_the_cluster(tmp_path: Path) -> None:
    async with service() as rules, two(tmp_path, rules.settings() | ANALYSES) as scene:
        rules.says = {
            "routingGroup": "etl",
            "externalHeaders": {"X-Trino-Client-Tags": "from-service", "X-Added": "zoë", "Host": "evil"},
        }
        sql = "SELECT * FROM tpch.tiny.nation"
        assert await scene.goes_to(sql, {"x-trino-client-tags": "from-client", "X-Trino-Source": "cli"}) == "green"
        (sent,) = [asked for asked in scene.green.log.requests if asked.method == "POST"]
        headers = [(name.lower(), value) for name, value in sent.headers]
        assert [value for name, value in headers if name == "x-trino-client-tags"] == ["from-service"]
        assert len([value for name, value in headers if name == "x-added"]) == 1
        assert ("host", "evil") not in headers
        (asked,) = rules.asked
        assert (asked["method"], asked["requestURI"]) == ("POST", "/v1/statement")
        assert asked["trinoQueryProperties"]["tables"] == ["tpch.tiny.nation"]
        assert asked["trinoRequestUser"] == {"user": "test"}
        assert rules.headers[0]["X-Trino-Source"] == "cli"
        assert await scene.number("warren_decisions_total", by="service") == 1


async def test_errors_of_a_service_reach_the_client_where_that_is_wished(tmp_path: Path) -> None:
    async with service() as rules, two(tmp_path, rules.settings(propagateErrors=True)) as scene:
        rules.says = {"routingGroup": "etl", "errors": ["too big", "too late"]}
        refused = await ask("POST", f"{scene.url}/v1/statement", "SELECT 1", USER)
        assert (refused.status, refused.header("content-type")) == (400, "application/json")
        assert refused.json() == ["too big", "too late"]
        assert scene.statements == 0


async def test_errors_of_a_service_are_not_looked_at_otherwise(tmp_path: Path) -> None:
    async with service() as rules, two(tmp_path, rules.settings()) as scene:
        rules.says = {"routingGroup": "etl", "errors": ["too big"]}
        assert await scene.goes_to() == "green"


async def breaks(rules: Service) -> None:
    rules.status = 500


async def falls_silent(rules: Service) -> None:
    rules.silent = True


@pytest.mark.parametrize("trouble", [breaks, falls_silent])
async def test_a_service_in_trouble_leaves_the_header_to_decide(
    tmp_path: Path, trouble: Callable[[Service], Any]
) -> None:
    async with service() as rules, two(tmp_path, rules.settings(timeout="100ms")) as scene:
        rules.says = {"routingGroup": "etl"}
        await trouble(rules)
        assert await scene.goes_to() == "blue"
        assert await scene.goes_to(headers={"X-Trino-Routing-Group": "etl"}) == "green"
        assert await scene.number("warren_decisions_total", by="fallback") == 2


async def test_a_service_that_is_not_there_leaves_the_header_to_decide(tmp_path: Path) -> None:
    rules = Service()
    rules.url = f"http://127.0.0.1:{free_port()}"
    async with two(tmp_path, rules.settings()) as scene:
        assert await scene.goes_to(headers={"X-Trino-Routing-Group": "etl"}) == "green"


# --- who asks


async def test_an_endpoint_tells_who_holds_a_token_and_a_rule_goes_by_that(tmp_path: Path) -> None:
    async with service() as idp:
        analyses = {"requestAnalyzerConfig": {"analyzeRequest": True, "oauthTokenInfoUrl": f"{idp.url}/userinfo"}}
        settings = by_file(tmp_path, rule("user: holder", "group: etl")) | analyses
        async with two(tmp_path, settings) as scene:
            with capture_logs() as lines:
                for _ in range(3):
                    # The simulator knows no tokens, and refuses who has no name; what counts is who was asked.
                    await ask("POST", f"{scene.url}/v1/statement", "SELECT 1", {"Authorization": "Bearer opaque"})
            assert [(line["user"], line["cluster"]) for line in statements(lines)] == [("holder", "green")] * 3
            assert idp.tokens == ["Bearer opaque"]


# --- changes under load


BOTH = re.compile(r"rule one says group (g-\d+); rule one says cluster all; rule two says fall-back group f-(\d+)")


def version(number: int) -> tuple[str, str]:
    """Two rules that belong together, the first half a right file of its own. Every other needs to read the statement."""
    when = "queryType: query" if number % 2 else "method: POST"
    return rule(when, f"group: g-{number}, cluster: all", "one"), "---\n" + rule(
        "method: POST", f"fallbackGroup: f-{number}", "two"
    )


def rewrite(file: Path, number: int) -> bool:
    """In one of four ways; whether the result is right."""
    first, second = version(number)
    match number % 4:
        case 0:
            with file.open("w") as writing:  # as an editor that saves in place, in two steps
                writing.write(first)
                writing.flush()
                writing.write(second)
        case 1 | 2:
            fresh = file.with_suffix(".new")
            fresh.write_text(first + second)
            fresh.replace(file)
        case _:
            file.write_text(first + "---\nname: [broken\n")
    return number % 4 != 3


async def changed_under_load(directory: Path, times: int) -> Lines:
    """The lines of all statements that clients sent while the rules were changed so many times; all went well."""
    wrong: list[str] = []
    over = asyncio.Event()
    settings = by_file(directory, "".join(version(0))) | ANALYSES

    async def client(url: str) -> None:
        async with await Connection.to(url) as connection:
            while not over.is_set():
                answered = await connection.ask("POST", "/v1/statement", "SELECT 1", USER)
                if answered.status != 200:
                    wrong.append(answered.text)

    async with plain_cluster("0") as cluster, gateway(directory / "here", settings=settings) as here:
        await here.add("all", cluster.url)
        book = here.instance._steering.rulebook
        assert book is not None
        counts = book.counts
        with capture_logs() as lines:
            async with asyncio.TaskGroup() as group:
                for _ in range(CLIENTS):
                    group.create_task(client(here.url))
                try:
                    for number in range(1, times + 1):
                        used, refused = counts.used, counts.refused
                        is_right = rewrite(directory / "rules.yaml", number)
                        await until(lambda: counts.used + counts.refused > used + refused, f"change {number}")  # noqa: B023 awaited here
                        assert (counts.used > used) is is_right, f"change {number}"
                        seen = len(lines)
                        # One of each client may have been decided before.
                        await until(lambda: len(lines) > seen + CLIENTS, "a statement after it")  # noqa: B023 awaited here
                finally:
                    over.set()
    assert wrong == []
    return statements(lines)


def none_saw_half_a_rule_set(lines: Lines) -> set[str]:
    """The versions that decided."""
    seen: set[str] = set()
    for line in lines:
        found = BOTH.match(line["because"])
        assert found is not None, line
        assert found[1] == f"g-{found[2]}", line
        assert (line["status"], line["cluster"]) == (200, "all")
        seen.add(found[1])
    return seen


@pytest.mark.slow
async def test_rules_change_a_hundred_times_under_load_and_no_statement_sees_half_of_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rulebook, "LOOK_SECONDS", 0.005)
    seen = none_saw_half_a_rule_set(await changed_under_load(tmp_path, 100))
    assert len(seen) == 76


@pytest.mark.soak
@pytest.mark.timeout(600)
async def test_rules_change_a_hundred_times_at_the_real_pace(tmp_path: Path) -> None:
    seen = none_saw_half_a_rule_set(await changed_under_load(tmp_path, 100))
    assert len(seen) == 76


# --- what a gateway says about its rules


async def test_it_explains_a_request_by_the_rules_and_clusters_that_it_has(tmp_path: Path) -> None:
    async with two(tmp_path, by_file(tmp_path, rule("source: airflow", "group: etl"))) as scene:
        described = orjson.dumps({"sql": "SELECT 1", "headers": {"X-Trino-Source": "airflow"}}).decode()
        answer = await ask(
            "POST", f"{scene.url}/trino-gateway/api/explain", described, {"Content-Type": "application/json"}
        )
        explained = orjson.loads(answer.text)
        assert explained["rules"][0]["saw"] == [{"what": "source", "value": "airflow"}]
        assert (explained["decision"]["group"], explained["goesTo"]) == ("etl", "green")
        assert scene.statements == 0


async def test_a_broken_file_shows_in_readyz_and_in_the_metrics_until_it_is_mended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rulebook, "LOOK_SECONDS", 0.01)
    settings = by_file(tmp_path, rule("source: airflow", "group: etl"))

    async def details(scene: Two) -> dict[str, Any]:
        answer = await ask("GET", f"{scene.url}/trino-gateway/readyz", headers={"Accept": "application/json"})
        assert answer.status == 200
        found: dict[str, Any] = orjson.loads(answer.text)["details"]["routingRules"]
        return found

    async with two(tmp_path, settings) as scene:
        assert (await details(scene))["error"] == ""
        (tmp_path / "rules.yaml").write_text("name: one\nwhen: {sorce: x}\nthen: {group: y}\n")
        await scene.becomes("warren_rules_current", 0)
        assert (await details(scene))["error"].startswith(
            "rules.yaml: line 2, column 8: rule one: when.sorce: nothing is known"
        )
        assert await scene.goes_to(headers={"X-Trino-Source": "airflow"}) == "green"
        (tmp_path / "rules.yaml").write_text(rule("source: dbt", "group: etl"))
        await scene.becomes("warren_rules_current", 1)
        assert (await details(scene))["error"] == ""
        assert await scene.goes_to(headers={"X-Trino-Source": "airflow"}) == "blue"
