"""What is the simulator's own: its settings, its bounds, and how it misbehaves on command."""

import asyncio
import hashlib
import re
import socket

import aiohttp
import pytest

from tests.simulator.asking import ALICE, Client, client_of, until
from warren.simulator.coordinator import BEHAVIOUR_PATH, Simulator
from warren.simulator.http.behaviour import GOOD, Behaviour
from warren.simulator.magic import PATTERN
from warren.simulator.queries import Limits

INFO = "/v1/info"


async def test_it_has_the_coordinator_id_that_it_was_given(simulator: Simulator, client: Client) -> None:
    page = await client.submit("SELECT 1")
    info = (await client.ask("GET", INFO)).json()

    assert page["id"].endswith("_abcde")
    assert info["coordinatorId"] == "abcde"
    assert info["nodeVersion"] == {"version": "477"}


async def test_an_older_one_does_not_tell_its_coordinator_id() -> None:
    async with Simulator(publish_coordinator_id=False) as simulator, client_of(simulator.url) as client:
        info = (await client.ask("GET", INFO)).json()
        page = await client.submit("SELECT 1")

    assert "coordinatorId" not in info
    assert info["nodeVersion"] == {"version": "476"}
    assert re.fullmatch("[0-9a-z]{5}", simulator.coordinator_id)
    assert page["id"].endswith(simulator.coordinator_id)


async def test_it_can_be_starting(simulator: Simulator, client: Client) -> None:
    simulator.node.starting = True

    assert (await client.ask("GET", INFO)).json()["starting"] is True


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "::"])
def test_it_listens_on_loopback_only(host: str) -> None:
    with pytest.raises(ValueError, match="loopback"):
        Simulator(host=host)


@pytest.mark.parametrize("coordinator_id", ["abcd", "ABCDE", "ab-de"])
def test_a_coordinator_id_has_five_characters(coordinator_id: str) -> None:
    with pytest.raises(ValueError, match=coordinator_id):
        Simulator(coordinator_id=coordinator_id)


async def test_a_port_in_use_is_named() -> None:
    async with Simulator() as first:
        with pytest.raises(OSError, match=str(first.port)):
            async with Simulator(port=first.port):
                pass


async def test_it_counts_what_it_is_asked(simulator: Simulator, client: Client) -> None:
    await client.run("SELECT 1")
    await client.ask("GET", INFO)

    assert simulator.log.counts["POST /v1/statement"] == 1
    assert simulator.log.counts["GET /v1/statement/queued"] == 1
    assert simulator.log.count("GET", "/v1/statement") == 3
    assert simulator.log.requests[-1].path == INFO
    simulator.log.clear()
    assert simulator.log.count("GET", "/v1") == 0


async def test_it_knows_what_bodies_came_in(simulator: Simulator, client: Client) -> None:
    body = bytes(range(256)) * 4000

    answer = await client.ask("POST", "/v1/statement", ALICE, body)

    assert answer.status == 200
    assert simulator.log.posts[-1].length == len(body)
    assert simulator.log.posts[-1].sha256 == hashlib.sha256(body).hexdigest()


async def test_large_heads_are_taken(client: Client) -> None:
    answer = await client.ask("POST", "/v1/statement", {**ALICE, "X-Trino-Client-Info": "x" * 100_000}, "SELECT 1")
    long = await client.ask("GET", f"{INFO}?{'x' * 20_000}")

    assert (answer.status, long.status) == (200, 200)


async def refused(url: str) -> bool:
    async with client_of(url) as other:
        try:
            await other.ask("GET", INFO)
        except aiohttp.ClientConnectionError:
            return True
    return False


async def test_it_can_refuse_connections_and_take_them_again(simulator: Simulator, client: Client) -> None:
    await client.ask("GET", INFO)

    await simulator.behave(Behaviour(refuse=True))
    assert await refused(simulator.url)
    await simulator.behave(GOOD)

    assert not await refused(simulator.url)


async def test_it_can_hang_until_it_is_told_otherwise(simulator: Simulator, client: Client) -> None:
    await simulator.behave(Behaviour(hang=True))

    async with asyncio.TaskGroup() as group:
        asked = group.create_task(client.ask("GET", INFO))
        await until(lambda: bool(simulator.log.requests))
        assert not asked.done()
        await simulator.behave(GOOD)
        assert (await asked).status == 200


@pytest.mark.parametrize("status", [502, 503, 504, 429])
async def test_it_can_answer_everything_with_a_status(simulator: Simulator, client: Client, status: int) -> None:
    await simulator.behave(Behaviour(status=status))

    assert (await client.ask("GET", INFO)).status == status
    assert (await client.ask("POST", "/v1/statement", ALICE, "SELECT 1")).status == status


async def test_misbehaviour_can_be_limited_to_paths_and_to_a_number(simulator: Simulator, client: Client) -> None:
    await simulator.behave(Behaviour(status=503, only="/v1/statement", times=1))

    seen = [(await client.ask("GET", INFO)).status]
    seen += [(await client.ask("POST", "/v1/statement", ALICE, "SELECT 1")).status for _ in range(2)]

    assert seen == [200, 503, 200]


async def test_misbehaviour_can_end_by_itself(simulator: Simulator, client: Client) -> None:
    await simulator.behave(Behaviour(hang=True, seconds=0.1))

    assert (await client.ask("GET", INFO)).status == 200
    assert simulator.behaviour == GOOD


async def test_it_can_cut_a_body(simulator: Simulator, client: Client) -> None:
    await simulator.behave(Behaviour(cut_after=20))

    with pytest.raises(aiohttp.ClientPayloadError):
        await client.ask("GET", INFO)
    with pytest.raises(aiohttp.ClientPayloadError):
        await client.ask("POST", "/v1/statement", ALICE, "SELECT 1")


async def test_it_can_let_a_body_trickle(simulator: Simulator) -> None:
    await simulator.behave(Behaviour(bytes_per_second=2000))

    async with aiohttp.ClientSession() as session, session.get(simulator.url + INFO) as answer:
        pieces = [piece async for piece in answer.content.iter_any()]

    assert answer.content_length == sum(map(len, pieces))


@pytest.mark.parametrize(
    ("given", "status"),
    [
        ({"status": 503}, 204),
        ({}, 204),
        ({"nope": 1}, 400),
        ({"status": "503"}, 400),
        ({"times": True}, 400),
        ([], 400),
    ],
)
async def test_processes_are_told_by_a_path(simulator: Simulator, given: object, status: int) -> None:
    async with aiohttp.ClientSession() as session:
        async with session.post(simulator.url + BEHAVIOUR_PATH, json=given) as answer:
            assert answer.status == status
        async with session.get(simulator.url + BEHAVIOUR_PATH) as shown:
            told = await shown.json()

    expected = given.get("status") if isinstance(given, dict) and status == 204 else None
    assert told["behaviour"]["status"] == expected
    assert told["counts"][f"POST {BEHAVIOUR_PATH}"] == 1


async def test_pages_of_the_web_cannot_tell_it(client: Client) -> None:
    answer = await client.ask("POST", BEHAVIOUR_PATH, {"Origin": "http://evil.example"}, '{"hang": true}')

    assert answer.status == 403


async def test_a_process_that_is_told_to_refuse_answers_first(simulator: Simulator, client: Client) -> None:
    assert (await client.ask("POST", BEHAVIOUR_PATH, body='{"refuse": true}')).status == 204

    await until(lambda: simulator.behaviour.refuse)
    assert await refused(simulator.url)
    await simulator.behave(GOOD)


async def test_it_leaves_no_connection_and_frees_its_port() -> None:
    async with Simulator() as simulator, client_of(simulator.url) as client:
        await client.ask("GET", INFO)
        await simulator.behave(Behaviour(refuse=True))
    async with Simulator(port=simulator.port):
        pass


async def test_it_stops_while_queries_run_and_clients_wait() -> None:
    async with asyncio.TaskGroup() as group:
        async with Simulator(limits=Limits(long_poll_seconds=30)) as simulator, client_of(simulator.url) as client:
            page = await client.until_executing("/* simulate: seconds=60 */ SELECT 1")
            waiting = group.create_task(_lost(simulator.url, page["nextUri"]))
            await until(lambda: simulator.log.count("GET", "/v1/statement/executing") > 0)
        await asyncio.wait_for(waiting, 5)


async def _lost(url: str, address: str) -> bool:
    async with client_of(url) as client:
        try:
            await client.ask("GET", address)
        except aiohttp.ClientConnectionError:
            return True
    return False


async def test_a_statement_can_be_slow(client: Client) -> None:
    loop = asyncio.get_running_loop()
    began = loop.time()

    result = await client.run("SELECT 1 /* simulate: seconds=0.3 */")

    assert result.rows == [[1]]
    assert loop.time() - began >= 0.3


async def test_a_statement_can_wait_in_the_queue(client: Client) -> None:
    pages = await client.pages("/* simulate: queued_seconds=0.2 */ SELECT 1")

    queued = [page["nextUri"] for page, _ in pages if "/queued/" in page.get("nextUri", "")]
    assert len(queued) > 2
    assert pages[-1][0]["stats"]["state"] == "FINISHED"
    first = await client.ask("GET", queued[0])
    assert (first.status, first.text) == (410, "Error 410 Gone: Invalid token")


@pytest.mark.parametrize("sql", ["/* simulate: bytes=200000 */ SELECT 1", "SELECT * FROM simulator.huge(200000)"])
@pytest.mark.parametrize("encoding", ["identity", "gzip"])
async def test_a_statement_can_ask_for_one_huge_value(client: Client, sql: str, encoding: str) -> None:
    pages = await client.pages(sql, {"Accept-Encoding": encoding})

    (data,) = [page["data"] for page, _ in pages if "data" in page]
    ((value,),) = data
    assert value.encode() == (PATTERN * 4)[:200000]
    assert pages[-1][0]["stats"]["state"] == "FINISHED"


async def test_a_huge_value_is_never_held_whole(simulator: Simulator) -> None:
    async with aiohttp.ClientSession() as session:
        async with session.post(
            f"{simulator.url}/v1/statement", headers=ALICE, data="SELECT * FROM simulator.huge(1099511627776)"
        ) as answer:
            page = await answer.json()
        while "/queued/" in page["nextUri"]:
            async with session.get(page["nextUri"]) as answer:
                page = await answer.json()
        async with session.get(page["nextUri"]) as answer:
            assert len(await answer.content.readexactly(1_000_000)) == 1_000_000


async def test_a_large_page_goes_out_in_chunks(client: Client) -> None:
    pages = await client.pages("SELECT * FROM tpch.tiny.orders", {"X-Trino-Query-Data-Encoding": ""})

    with_data = [answer for page, answer in pages if "data" in page]
    assert {answer.headers.get("Transfer-Encoding") for answer in with_data} == {"chunked"}
    assert "Content-Length" in pages[0][1].headers


async def test_a_statement_can_have_its_data_cut(client: Client) -> None:
    page = await client.until_executing("/* simulate: cut_after=50 */ SELECT 1")

    with pytest.raises(aiohttp.ClientPayloadError):
        await client.ask("GET", page["nextUri"])


async def test_an_unknown_wish_is_an_error(client: Client) -> None:
    result = await client.run("/* simulate: nope=1 */ SELECT 1")

    assert result.error["message"].startswith("simulate: cannot read 'nope=1'")


async def test_a_query_that_is_not_polled_is_abandoned() -> None:
    limits = Limits(long_poll_seconds=0.02, client_timeout_seconds=0.05)
    async with Simulator(limits=limits) as simulator, client_of(simulator.url) as client:
        page = await client.until_executing("/* simulate: seconds=60 */ SELECT 1")
        query = simulator.queries.find(page["id"])
        assert query
        await until(lambda: query.has_ended)
        end = (await client.ask("GET", page["nextUri"])).json()

    assert end["error"]["errorName"] == "ABANDONED_QUERY"


async def test_a_statement_that_is_never_polled_is_forgotten() -> None:
    limits = Limits(client_timeout_seconds=0.05)
    async with Simulator(limits=limits) as simulator, client_of(simulator.url) as client:
        page = await client.submit("SELECT 1")
        await until(lambda: simulator.queries.find(page["id"]) is None)
        answer = await client.ask("GET", page["nextUri"])

    assert answer.status == 404


async def test_it_keeps_a_bounded_number_of_queries() -> None:
    limits = Limits(long_poll_seconds=0.02, kept_queries=3)
    async with Simulator(limits=limits) as simulator, client_of(simulator.url) as client:
        first = await client.run("SELECT 1")
        running = [await client.until_executing("/* simulate: seconds=60 */ SELECT 1") for _ in range(3)]
        forgotten = await client.ask("GET", f"/v1/query/{first.query_id}", ALICE)
        full = await client.ask("POST", "/v1/statement", ALICE, "SELECT 1")
        await client.ask("DELETE", running[0]["nextUri"])
        again = await client.ask("POST", "/v1/statement", ALICE, "SELECT 1")

    assert forgotten.status == 410
    assert full.status == 503
    assert again.status == 200


async def test_a_statement_that_runs_too_long_is_stopped() -> None:
    sql = "SELECT count(*) FROM tpch.tiny.lineitem a, tpch.tiny.lineitem b WHERE a.comment > b.comment || 'x'"
    async with Simulator(limits=Limits(most_run_seconds=0.1)) as simulator, client_of(simulator.url) as client:
        result = await client.run(sql)

    assert result.error["errorName"] == "EXCEEDED_TIME_LIMIT"
    assert result.error["errorType"] == "INSUFFICIENT_RESOURCES"


async def test_redirected_segments_lead_to_the_simulators_own_storage() -> None:
    async with Simulator(spooling="redirect") as simulator, client_of(simulator.url) as client:
        headers = {"X-Trino-Query-Data-Encoding": "json", "X-Forwarded-Host": "gw.example"}
        pages = await client.pages("SELECT * FROM tpch.tiny.lineitem", headers)
        segment = next(page["data"]["segments"][0] for page, _ in pages if "data" in page)
        redirect = await client.ask("GET", segment["uri"])
        data = await client.ask("GET", redirect.headers["Location"])
        gone = await client.ask("GET", redirect.headers["Location"] + "x")

    assert redirect.status == 303
    assert redirect.headers["Location"].startswith(f"{simulator.url}/v1/simulator/storage/")
    assert len(data.body) == segment["metadata"]["segmentSize"]
    assert gone.status == 404


async def test_without_spooling_nobody_gets_segments() -> None:
    async with Simulator(spooling=None) as simulator, client_of(simulator.url) as client:
        result = await client.run("SELECT 1", {"X-Trino-Query-Data-Encoding": "json"})

    assert result.rows == [[1]]


async def test_ipv6_is_loopback_too() -> None:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("no IPv6 on this machine")
    async with Simulator(host="::1") as simulator, client_of(simulator.url) as client:
        assert (await client.ask("GET", INFO)).status == 200
