"""Statements on their way to a cluster that takes them: from the POST to the last row, past clusters that fail."""

import asyncio
import json
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from tests.fixtures.child import free_port
from tests.journeys.fake_cluster import Misdeed, answer, answering, fake_cluster, sending, silence
from tests.journeys.scene import USER, Connection, ask, gateway, run, submit, until
from warren.simulator.coordinator import Simulator
from warren.simulator.http.behaviour import Behaviour

NATIONS = "SELECT nationkey, name FROM tpch.tiny.nation ORDER BY nationkey"
QUICK = {"routing": {"statementTryTimeout": "300ms", "statementTimeout": "3s", "followTimeout": "3s"}}
NO_PROBES = {"clusterStatsConfiguration": {"monitorType": "NOOP"}}
"""Every active cluster counts as healthy, so that a dead one is met by statements and not by a probe."""
PAGE = b'{"id":"20261122_111727_00001_7q5ke","infoUri":"http://x/ui","nextUri":"http://x/v1/statement/queued/'


async def test_a_statement_runs_from_its_post_to_its_last_row(tmp_path: Path) -> None:
    async with Simulator() as blue, gateway(tmp_path, {"blue": blue.url}) as here:
        with capture_logs() as lines:
            page = await run(here.url, NATIONS, {"X-Trino-Source": "cli"})

        assert page.error is None
        assert page.rows[3] == (3, "CANADA")
        assert len(page.rows) == 25
        (line,) = [each for each in lines if each["event"] == "statement"]
        assert line["query_id"] == page.query_id
        assert (line["user"], line["source"], line["group"], line["cluster"]) == ("test", "cli", "adhoc", "blue")
        assert line["because"] == "no X-Trino-Routing-Group header, so default group adhoc; the only candidate"
        assert (line["status"], line["tries"]) == (200, 1)
        assert line["milliseconds"] > 0


async def test_polls_leave_no_line_in_the_log(tmp_path: Path) -> None:
    async with Simulator() as blue, gateway(tmp_path, {"blue": blue.url}) as here:
        page = await submit(here.url, NATIONS)
        assert page.next_uri is not None
        with capture_logs() as lines:
            for _ in range(20):
                assert (await ask("GET", page.next_uri)).status == 200
        assert lines == []


async def test_the_group_that_a_client_names_decides(tmp_path: Path) -> None:
    async with Simulator() as blue, Simulator() as green, gateway(tmp_path, {"blue": blue.url}) as here:
        await here.add("green", green.url, group="etl")
        with capture_logs() as lines:
            for _ in range(5):
                await submit(here.url, "SELECT 1", {"X-Trino-Routing-Group": "etl"})
        assert (blue.log.count("POST", "/v1/statement"), green.log.count("POST", "/v1/statement")) == (0, 5)
        assert lines[0]["because"] == "header X-Trino-Routing-Group says etl; the only candidate"


async def test_a_group_without_a_usable_cluster_falls_back_to_the_default_group(tmp_path: Path) -> None:
    async with Simulator() as blue, Simulator() as green, gateway(tmp_path, {"blue": blue.url}) as here:
        await here.add("green", green.url, group="etl", active=False)
        with capture_logs() as lines:
            await submit(here.url, "SELECT 1", {"X-Trino-Routing-Group": "etl"})
        assert blue.log.count("POST", "/v1/statement") == 1
        assert lines[0]["group"] == "adhoc"
        assert lines[0]["because"] == (
            "header X-Trino-Routing-Group says etl; group etl has no usable cluster (green: inactive), "
            "fell back to default group adhoc; the only candidate"
        )


async def test_strict_groups_do_not_fall_back(tmp_path: Path) -> None:
    settings = {"routing": {"strictGroups": True}}
    async with Simulator() as blue, gateway(tmp_path, {"blue": blue.url}, settings=settings) as here:
        refused = await ask("POST", f"{here.url}/v1/statement", "SELECT 1", {**USER, "X-Trino-Routing-Group": "etl"})
        assert refused.status == 503
        assert "group etl has no usable cluster (there is no cluster in it)" in refused.text
        assert blue.log.count("POST", "/v1/statement") == 0


async def test_without_a_usable_cluster_the_client_reads_why(tmp_path: Path) -> None:
    async with Simulator() as blue, Simulator(starting=True) as green, gateway(tmp_path) as here:
        await here.add("blue", blue.url, active=False)
        await here.change("add", "green", green.url)
        await here.wait_for_status("green", "PENDING")
        refused = await ask("POST", f"{here.url}/v1/statement", "SELECT 1", {**USER, "Accept": "application/json"})
        assert refused.status == 503
        assert refused.header("content-type") == "application/json"
        message = refused.json()["message"]
        assert "group adhoc has no usable cluster" in message
        assert "blue: inactive" in message
        assert "green: pending" in message
        assert refused.json()["instance"] == "here"


async def stops_within_the_page(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(answer(200, PAGE)[:-90])
    await silence(reader, writer)


FAILURES: dict[str, Misdeed] = {
    "hangs": silence,
    "answers-502": answering(502),
    "answers-503": answering(503),
    "answers-504": answering(504),
    "closes-without-an-answer": sending(b""),
    "closes-within-the-head": sending(b"HTTP/1.1 200 OK\r\nContent-"),
    "closes-before-the-id": sending(answer(200, PAGE)[:-90]),
    "closes-within-the-page": sending(answer(200, PAGE + b"x" * 1000)[:-900]),
    "stops-within-the-page": stops_within_the_page,
    "says-something-that-is-not-http": sending(b"SSH-2.0-OpenSSH_9.2\r\n\r\n"),
}


@pytest.mark.parametrize("failure", FAILURES.values(), ids=FAILURES)
async def test_a_statement_that_a_cluster_fails_runs_on_another(tmp_path: Path, failure: Misdeed) -> None:
    """The bad one is the only one of its group, so it is met first; the good one is that of the default group."""
    async with fake_cluster(failure) as bad, Simulator() as good, gateway(tmp_path, settings=QUICK) as here:
        await here.add("bad", bad.url, group="etl")
        await here.add("good", good.url)
        with capture_logs() as lines:
            page = await run(here.url, NATIONS, {"X-Trino-Routing-Group": "etl"})

        assert len(page.rows) == 25
        assert page.query_id.endswith(good.coordinator_id)
        (line,) = [each for each in lines if each["event"] == "statement"]
        assert (line["cluster"], line["tries"], line["status"]) == ("good", 2, 200)
        assert line["query_id"] == page.query_id
        assert "bad: " in line["because"]
        (head,) = bad.asked
        assert head.startswith(b"POST /v1/statement HTTP/1.1\r\n")


async def test_a_statement_whose_connection_is_refused_runs_on_another(tmp_path: Path) -> None:
    async with Simulator() as good, gateway(tmp_path, settings={**QUICK, **NO_PROBES}) as here:
        await here.add("dead", f"http://127.0.0.1:{free_port()}", group="etl")
        await here.add("good", good.url)
        page = await run(here.url, NATIONS, {"X-Trino-Routing-Group": "etl"})
        assert page.query_id.endswith(good.coordinator_id)


async def test_what_a_cluster_says_to_a_statement_that_it_took_is_passed_on(tmp_path: Path) -> None:
    """A 401, a 400, a 500 are the cluster's word; another would say the same, or do it twice."""
    async with (
        Simulator() as blue,
        Simulator() as green,
        gateway(tmp_path, {"blue": blue.url, "green": green.url}, settings=QUICK) as here,
    ):
        for status in (400, 401, 403, 404, 409, 429, 500):
            for each in (blue, green):
                await each.behave(Behaviour(only="/v1/statement", status=status))
                each.log.clear()
            answered = await ask("POST", f"{here.url}/v1/statement", "SELECT 1", USER)
            assert answered.status == status
            assert answered.text.startswith(f"Error {status}: the simulator was told to")
            assert blue.log.count("POST", "/v1/statement") + green.log.count("POST", "/v1/statement") == 1


async def test_when_all_fail_the_client_reads_of_each(tmp_path: Path) -> None:
    async with (
        fake_cluster(silence) as first,
        fake_cluster(sending(b"")) as second,
        gateway(tmp_path, {"first": first.url, "second": second.url}, settings=QUICK) as here,
    ):
        with capture_logs() as lines:
            refused = await ask("POST", f"{here.url}/v1/statement", "SELECT 1", USER)
        assert refused.status == 503
        assert f"cluster {first.url} did not answer within 0.3 s" in refused.text
        assert f"cluster {second.url} closed the connection without an answer" in refused.text
        (line,) = [each for each in lines if each["event"] == "statement"]
        assert (line["log_level"], line["status"], line["tries"]) == ("warning", 503, 2)
        assert line["error"] in refused.text


async def test_a_statement_has_one_deadline_for_all_its_tries(tmp_path: Path) -> None:
    settings = {"routing": {"statementTryTimeout": "400ms", "statementTimeout": "800ms"}}
    async with fake_cluster(silence) as first, fake_cluster(silence) as second, fake_cluster(silence) as third:
        clusters = {"first": first.url, "second": second.url, "third": third.url}
        async with gateway(tmp_path, clusters, settings=settings) as here:
            began = asyncio.get_running_loop().time()
            refused = await ask("POST", f"{here.url}/v1/statement", "SELECT 1", USER)
            assert asyncio.get_running_loop().time() - began < 1.5
            assert refused.status == 503
            assert len(first.asked + second.asked + third.asked) == 2


async def test_the_answer_503_of_the_last_cluster_is_passed_on(tmp_path: Path) -> None:
    async with (
        fake_cluster(answering(503, b"too busy")) as one,
        gateway(tmp_path, {"one": one.url}, settings=QUICK) as here,
    ):
        refused = await ask("POST", f"{here.url}/v1/statement", "SELECT 1", USER)
        assert (refused.status, refused.body) == (503, b"too busy")


async def test_a_body_that_is_not_kept_has_one_try(tmp_path: Path) -> None:
    """It streams: the cluster that was to take it has got bytes that are not here any more."""
    settings = {**QUICK, "limits": {"statementBodyKept": "1kB"}}
    sql = f"SELECT 1 /* {'x' * 100_000} */"
    async with fake_cluster(silence) as bad, Simulator() as good, gateway(tmp_path, settings=settings) as here:
        await here.add("bad", bad.url, group="etl")
        await here.add("good", good.url)
        refused = await ask("POST", f"{here.url}/v1/statement", sql, {**USER, "X-Trino-Routing-Group": "etl"})
        assert refused.status in {503, 504}
        assert good.log.count("POST", "/v1/statement") == 0

        page = await run(here.url, sql)
        assert page.rows == ((1,),)


async def test_a_kept_body_arrives_whole_at_the_second_cluster(tmp_path: Path) -> None:
    sql = f"SELECT {'x' * 200_000!r}"
    async with fake_cluster(sending(b"")) as bad, Simulator() as good, gateway(tmp_path, settings=QUICK) as here:
        await here.add("bad", bad.url, group="etl")
        await here.add("good", good.url)
        page = await run(here.url, sql, {"X-Trino-Routing-Group": "etl"})
        assert page.rows == (("x" * 200_000,),)
        assert [post.length for post in good.log.posts] == [len(sql)]


@pytest.mark.parametrize("expects", [b"", b"Expect: 100-continue\r\n"], ids=["at-once", "after-100"])
async def test_a_statement_in_chunks_runs_on_another_cluster_as_well(tmp_path: Path, expects: bytes) -> None:
    """Its chunks come one by one while the first cluster is failing already."""
    head = b"POST /v1/statement HTTP/1.1\r\nHost: x\r\nX-Trino-User: me\r\nX-Trino-Routing-Group: etl\r\n" + expects
    async with (
        fake_cluster(answering(503)) as bad,
        Simulator() as good,
        gateway(tmp_path, settings=QUICK) as here,
        await Connection.to(here.url) as client,
    ):
        await here.add("bad", bad.url, group="etl")
        await here.add("good", good.url)
        client.writer.write(head + b"Transfer-Encoding: chunked\r\n\r\n")
        if expects:
            assert await client.first_line() == b"HTTP/1.1 100 Continue\r\n"
            assert await client.first_line() == b"\r\n"
        for chunk in (b"7\r\nSELECT \r\n", b"2\r\n41\r\n", b"4\r\n + 1\r\n", b"0\r\n\r\n"):
            client.writer.write(chunk)
            await until(lambda: len(bad.asked) == 1, "the first try")
        assert await client.first_line() == b"HTTP/1.1 200 OK\r\n"
        assert [post.length for post in good.log.posts] == [len("SELECT 41 + 1")]


async def test_a_cluster_without_an_answer_is_not_chosen_again_until_it_has_one(tmp_path: Path) -> None:
    """It is suspected at once; a whole group of suspects is still asked."""
    async with (
        Simulator() as bad,
        Simulator() as good,
        gateway(tmp_path, {"bad": bad.url, "good": good.url}, settings=QUICK) as here,
    ):
        await bad.behave(Behaviour(hang=True))
        for _ in range(20):
            assert (await submit(here.url, "SELECT 1")).query_id.endswith(good.coordinator_id)
        assert bad.log.count("POST", "/v1/statement") <= 1


async def test_the_cluster_is_named_in_a_cookie_when_that_is_wished(tmp_path: Path) -> None:
    settings = {"includeClusterHostInResponse": True}
    async with Simulator() as blue, gateway(tmp_path, {"blue": blue.url}, settings=settings) as here:
        answered = await ask("POST", f"{here.url}/v1/statement", "SELECT 1", USER)
        assert answered.header("set-cookie") == "trinoClusterHost=127.0.0.1"
        assert json.loads(answered.body)["id"].endswith(blue.coordinator_id)


async def test_additional_statement_paths_take_statements_and_their_polls(tmp_path: Path) -> None:
    """The simulator does not know the path, so what it is asked tells how far the statement came."""
    settings = {"additionalStatementPaths": ["/custom/api/statement"]}
    async with (
        Simulator() as blue,
        Simulator() as green,
        gateway(tmp_path, {"blue": blue.url, "green": green.url}, settings=settings) as here,
    ):
        with capture_logs() as lines:
            answered = await ask("POST", f"{here.url}/custom/api/statement", "SELECT 1", USER)
        assert answered.status == 404
        assert [line["event"] for line in lines] == ["statement"]
        query_id = (await submit(blue.url, "SELECT 1")).query_id
        answered = await ask("GET", f"{here.url}/custom/api/statement/queued/{query_id}/slug/1")
        assert answered.status == 404
        assert blue.log.count("GET", "/custom/api/statement") == 1
        assert green.log.count("GET", "/custom/api/statement") == 0
