"""Requests about a query: to the cluster that owns it or to nobody, also when this instance never heard of it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from tests.fixtures.asking import Page
from tests.journeys.scene import (
    MADE_UP,
    USER,
    Answer,
    Connection,
    Gateway,
    ask,
    gateway,
    run,
    submit,
    to_its_end,
    until,
)
from warren.simulator.coordinator import Simulator
from warren.simulator.http.behaviour import Behaviour

NATIONS = "SELECT nationkey, name FROM tpch.tiny.nation ORDER BY nationkey"
SLOW = "SELECT 1 /* simulate: seconds=60 */"
QUICK = {"routing": {"followTimeout": "300ms", "asyncTimeout": "2s"}, "monitor": {"taskDelay": "200ms"}}
NOT_FOUND = "Error 404 Not Found: Query not found"


def hidden() -> Simulator:
    """As Trino before 477: it does not tell its coordinator id."""
    return Simulator(publish_coordinator_id=False)


@asynccontextmanager
async def two_clusters(
    directory: Path, *, settings: dict[str, Any] | None = None, tells_id: bool = False
) -> AsyncIterator[tuple[Simulator, Simulator, Gateway]]:
    """Two clusters, and a gateway that has never seen a query of theirs."""
    async with (
        Simulator(publish_coordinator_id=tells_id) as blue,
        Simulator(publish_coordinator_id=tells_id) as green,
        gateway(directory, {"blue": blue.url, "green": green.url}, settings=settings) as here,
    ):
        yield blue, green, here


def target(page: Page) -> str:
    """The path of the page that follows."""
    assert page.next_uri is not None
    return "/" + page.next_uri.split("/", 3)[3]


def asked(cluster: Simulator, method: str = "GET", path: str = "/v1/statement") -> int:
    return cluster.log.count(method, path)


async def statement_at(here: Gateway, cluster: Simulator, sql: str = NATIONS) -> Page:
    """A statement through the gateway that went to this of two clusters."""
    async with asyncio.timeout(10):
        while not (page := await submit(here.url, sql)).query_id.endswith(cluster.coordinator_id):
            pass
    return page


# --- while the owner is away


async def test_a_running_query_waits_for_its_cluster_and_is_never_taken_elsewhere(tmp_path: Path) -> None:
    async with two_clusters(tmp_path, settings=QUICK, tells_id=True) as (blue, green, here):
        page = await statement_at(here, blue)
        url = here.url + target(page)

        await blue.behave(Behaviour(refuse=True))
        refused = await ask("GET", url)
        assert refused.status == 503
        assert f"cluster {blue.url} could not be reached: Connection refused" in refused.text
        assert "(gateway instance here)" in refused.text

        await blue.behave(Behaviour(hang=True))
        silent = await ask("GET", url)
        assert silent.status == 504
        assert f"cluster {blue.url} did not answer within 0.3 s" in silent.text

        await blue.behave(Behaviour())
        assert len((await to_its_end(page)).rows) == 25
        assert asked(green) == 0


async def test_a_query_of_a_deactivated_cluster_is_followed_to_its_end(tmp_path: Path) -> None:
    async with two_clusters(tmp_path) as (blue, _green, here):
        page = await statement_at(here, blue)
        await here.api("POST", "/gateway/backend/deactivate/blue")
        assert len((await to_its_end(page)).rows) == 25


async def test_a_query_of_an_unhealthy_cluster_is_followed(tmp_path: Path) -> None:
    async with two_clusters(tmp_path, settings=QUICK) as (blue, _green, here):
        page = await statement_at(here, blue)
        await blue.behave(Behaviour(only="/v1/info", status=500))
        await here.wait_for_status("blue", "UNHEALTHY")
        assert len((await to_its_end(page)).rows) == 25


async def test_a_query_of_a_deleted_cluster_is_nobodys(tmp_path: Path) -> None:
    """Its URL must not get the credentials of a client any more."""
    async with two_clusters(tmp_path, tells_id=True) as (blue, green, here):
        page = await statement_at(here, blue)
        await here.api("POST", "/gateway/backend/modify/delete", "blue")
        gone = await ask("GET", here.url + target(page), headers=USER)
        assert (gone.status, gone.text) == (404, NOT_FOUND)
        assert (asked(blue), asked(green)) == (0, 1)


async def test_a_cancel_reaches_the_cluster(tmp_path: Path) -> None:
    async with two_clusters(tmp_path) as (blue, green, here):
        page = await statement_at(here, blue, SLOW)
        assert (await ask("DELETE", here.url + target(page))).status == 204
        assert (asked(blue, "DELETE"), asked(green, "DELETE")) == (1, 0)


# --- ids that this instance never saw


async def test_a_published_coordinator_id_places_queries_of_other_instances(tmp_path: Path) -> None:
    async with two_clusters(tmp_path, tells_id=True) as (blue, green, here):
        for cluster, other in ((blue, green), (green, blue)):
            before = asked(other)
            page = await submit(cluster.url, NATIONS)
            assert (await ask("GET", here.url + target(page))).status == 200
            assert asked(other) == before


async def test_a_learned_coordinator_id_places_queries_of_other_instances(tmp_path: Path) -> None:
    """Older clusters tell it with the first query that they hand out."""
    async with two_clusters(tmp_path) as (blue, green, here):
        await statement_at(here, blue)
        elsewhere = await submit(blue.url, NATIONS)
        assert (await ask("GET", here.url + target(elsewhere))).status == 200
        assert asked(green) == 0


async def test_an_unknown_query_is_found_by_one_search(tmp_path: Path) -> None:
    async with two_clusters(tmp_path) as (blue, green, here):
        page = await submit(blue.url, NATIONS)
        whole = await to_its_end(Page(page.query_id, here.url + target(page), page.state, (), None))
        assert len(whole.rows) == 25
        assert asked(green) == 1, "the search, and nothing after it"


async def test_two_instances_with_one_database_follow_each_others_queries(tmp_path: Path) -> None:
    shared = {"dataStore": {"jdbcUrl": f"jdbc:sqlite:{tmp_path / 'shared.sqlite'}"}}
    async with hidden() as blue, hidden() as green:
        clusters = {"blue": blue.url, "green": green.url}
        async with (
            gateway(tmp_path / "a", clusters, settings=shared) as first,
            gateway(tmp_path / "b", settings=shared) as second,
        ):
            page = await submit(first.url, NATIONS)
            assert page.next_uri is not None
            here = page.next_uri.replace(first.url, second.url)
            assert len((await to_its_end(Page(page.query_id, here, page.state, (), None))).rows) == 25
    asked_once = min(asked(cluster) for cluster in (blue, green))
    assert asked_once == 1


async def test_a_thousand_requests_for_one_unknown_query_cause_one_search(tmp_path: Path) -> None:
    """All of the same made-up id: each cluster is asked once, everybody gets its answer."""
    async with two_clusters(tmp_path) as (blue, green, here):
        await blue.behave(Behaviour(only="/v1/statement", delay=1.0))
        path = f"/v1/statement/executing/{MADE_UP}/yslug/1"
        connections = [await Connection.to(here.url) for _ in range(1000)]
        answers = await asyncio.gather(*(each.ask("GET", path) for each in connections))
        for each in connections:
            await each.close()
        assert {(answer.status, answer.text) for answer in answers} == {(404, NOT_FOUND)}
        assert (asked(blue), asked(green)) == (1, 1)


@pytest.mark.parametrize(
    ("slugs", "searches"), [(1, 1), (1000, 30)], ids=["the same request", "each with another slug"]
)
async def test_a_thousand_requests_wait_for_a_silent_cluster_together(
    tmp_path: Path, slugs: int, searches: int
) -> None:
    """Nobody waits for one search after another: equal ones share it, and others are held to the limit of a client."""
    async with two_clusters(tmp_path, settings={"routing": {"followTimeout": "2500ms"}}) as (blue, green, here):
        await blue.behave(Behaviour(only="/v1/statement", hang=True))
        connections = [await Connection.to(here.url) for _ in range(1000)]
        began = asyncio.get_running_loop().time()
        answers = await asyncio.gather(
            *(
                each.ask("GET", f"/v1/statement/queued/{MADE_UP}/y{number % slugs}/1")
                for number, each in enumerate(connections)
            )
        )
        assert asyncio.get_running_loop().time() - began < 10
        for each in connections:
            await each.close()
        assert {answer.status for answer in answers} == {503}
        assert asked(blue) <= searches
        assert asked(green) <= searches


async def test_many_who_ask_for_one_unknown_query_all_reach_its_owner(tmp_path: Path) -> None:
    async with two_clusters(tmp_path) as (blue, green, here):
        page = await submit(blue.url, SLOW)
        await blue.behave(Behaviour(only="/v1/statement", delay=0.5, times=1))
        answers = await asyncio.gather(*(ask("GET", here.url + target(page)) for _ in range(50)))
        assert {answer.status for answer in answers} == {200}
        assert {answer.page().query_id for answer in answers} == {page.query_id}
        assert asked(green) == 1


async def test_a_made_up_id_is_denied_in_trinos_words_and_remembered_for_a_while(tmp_path: Path) -> None:
    async with two_clusters(tmp_path) as (blue, green, here):
        for _ in range(3):
            denied = await ask("GET", f"{here.url}/v1/statement/queued/{MADE_UP}/yslug/1")
            assert (denied.status, denied.text) == (404, NOT_FOUND)
            assert denied.header("content-type") == "text/plain"
        assert (asked(blue), asked(green)) == (1, 1)


async def test_made_up_ids_push_nothing_real_out_of_memory(tmp_path: Path) -> None:
    async with two_clusters(tmp_path, settings={"memory": {"maxEntries": 5}}) as (blue, green, here):
        page = await statement_at(here, blue)
        async with await Connection.to(here.url) as client:
            for number in range(60):
                denied = await client.ask("GET", f"/v1/statement/queued/20200101_000000_{number:05}_zzzzz/y/1")
                assert denied.status == 404
        before = asked(green)
        assert len((await to_its_end(page)).rows) == 25
        assert asked(green) == before


async def test_a_made_up_id_with_a_real_coordinators_letters_goes_to_that_cluster_alone(tmp_path: Path) -> None:
    async with two_clusters(tmp_path, tells_id=True) as (blue, green, here):
        denied = await ask("GET", f"{here.url}/v1/statement/queued/20200101_000000_00001_{blue.coordinator_id}/y/1")
        assert (denied.status, denied.text) == (404, NOT_FOUND)
        assert (asked(blue), asked(green)) == (1, 0)


async def test_a_wrong_slug_does_not_deny_the_right_one(tmp_path: Path) -> None:
    async with two_clusters(tmp_path) as (blue, _green, here):
        page = await submit(blue.url, NATIONS)
        right = target(page)
        slug = right.split("/")[-2]
        assert (await ask("GET", here.url + right.replace(slug, "y" + "0" * 40))).status == 404
        assert (await ask("GET", here.url + right)).status == 200


async def test_an_id_is_not_denied_while_a_cluster_cannot_be_asked(tmp_path: Path) -> None:
    async with two_clusters(tmp_path, settings=QUICK) as (blue, green, here):
        await green.behave(Behaviour(refuse=True))
        answered = await ask("GET", f"{here.url}/v1/statement/queued/{MADE_UP}/yslug/1")
        assert answered.status == 503
        assert "could not be asked for at: green" in answered.text
        await green.behave(Behaviour(hang=True))
        assert (await ask("GET", f"{here.url}/v1/statement/queued/{MADE_UP}/yslug/1")).status == 503
        page = await submit(blue.url, NATIONS)
        assert (await ask("GET", here.url + target(page))).status == 200, "a proof needs no other cluster"


async def test_an_inactive_cluster_that_is_long_gone_counts_as_denying(tmp_path: Path) -> None:
    settings = {**QUICK, "search": {"ignoreUnreachableAfter": "0s"}}
    async with two_clusters(tmp_path, settings=settings) as (_blue, green, here):
        await here.api("POST", "/gateway/backend/deactivate/green")
        await green.behave(Behaviour(refuse=True))
        await here.wait_for_status("green", "UNHEALTHY")
        assert (await ask("GET", f"{here.url}/v1/statement/queued/{MADE_UP}/yslug/1")).status == 404


async def test_without_any_cluster_nothing_is_denied(tmp_path: Path) -> None:
    async with gateway(tmp_path) as here:
        answered = await ask("GET", f"{here.url}/v1/statement/queued/{MADE_UP}/yslug/1")
        assert answered.status == 503
        assert "no cluster is registered" in answered.text


async def test_searches_are_limited_for_a_client_and_for_all(tmp_path: Path) -> None:
    settings = {
        "search": {"maxConcurrent": 3, "maxConcurrentPerClient": 2},
        "serverConfig": {"http-server.process-forwarded": True},
    }
    async with two_clusters(tmp_path, settings=settings) as (blue, _green, here):
        await blue.behave(Behaviour(only="/v1/statement", hang=True))

        async def search(number: int, client: str) -> Answer:
            path = f"/v1/statement/queued/20200101_000000_{number:05}_zzzzz/y/1"
            return await ask("GET", here.url + path, headers={"X-Forwarded-For": client})

        async with asyncio.TaskGroup() as group:
            waiting = [group.create_task(search(number, "192.0.2.1")) for number in (1, 2)]
            await until(lambda: asked(blue) == 2, "two searches")
            third = await search(3, "192.0.2.1")
            assert third.status == 503
            assert "too many" in third.text
            waiting.append(group.create_task(search(4, "192.0.2.2")))
            await until(lambda: asked(blue) == 3, "the other client's search")
            assert (await search(5, "192.0.2.3")).status == 503
            await blue.behave(Behaviour())
        assert {task.result().status for task in waiting} == {404}
        assert (await search(6, "192.0.2.1")).status == 404, "the limit is of searches at once"


# --- by the query's own paths


async def test_an_unknown_query_under_v1_query_is_gone(tmp_path: Path) -> None:
    async with two_clusters(tmp_path) as (blue, green, here):
        for _ in range(2):
            gone = await ask("GET", f"{here.url}/v1/query/{MADE_UP}", headers=USER)
            assert (gone.status, gone.text) == (410, "Error 410 Gone: HTTP 410 Gone")
        assert (asked(blue, path="/v1/query"), asked(green, path="/v1/query")) == (1, 1)
        assert (await ask("GET", f"{here.url}/v1/query/{MADE_UP}?pruned=true")).status == 401, "all say the same"


async def test_a_query_of_another_instance_is_shown(tmp_path: Path) -> None:
    async with two_clusters(tmp_path) as (blue, green, here):
        page = await run(blue.url, NATIONS)
        for _ in range(3):
            shown = await ask("GET", f"{here.url}/v1/query/{page.query_id}?pruned=true", headers=USER)
            assert shown.json()["queryId"] == page.query_id
        assert asked(green, path="/v1/query") == 1


async def test_a_cancel_of_an_unknown_query_reaches_every_cluster(tmp_path: Path) -> None:
    async with two_clusters(tmp_path, settings=QUICK) as (blue, green, here):
        running = await submit(blue.url, SLOW)
        assert running.next_uri is not None
        await ask("GET", running.next_uri)
        cancelled = await ask("DELETE", f"{here.url}/v1/query/{running.query_id}", headers=USER)
        assert cancelled.status == 204
        assert (asked(blue, "DELETE", "/v1/query"), asked(green, "DELETE", "/v1/query")) == (1, 1)
        found = blue.queries.find(running.query_id)
        assert found is not None
        assert found.state == "FAILED"

        await green.behave(Behaviour(refuse=True))
        assert (await ask("DELETE", f"{here.url}/v1/query/{MADE_UP}", headers=USER)).status == 503


@pytest.mark.parametrize("how", ["killed", "preempted"])
async def test_an_unknown_query_is_killed_with_the_reason_that_was_given(tmp_path: Path, how: str) -> None:
    async with two_clusters(tmp_path) as (blue, green, here):
        running = await submit(blue.url, SLOW)
        assert running.next_uri is not None
        await ask("GET", running.next_uri)
        answered = await ask("PUT", f"{here.url}/v1/query/{running.query_id}/{how}", '"too greedy"', USER)
        assert answered.status == 202
        query = blue.queries.find(running.query_id)
        assert query is not None
        assert query.failure is not None
        assert "too greedy" in query.failure.message
        assert asked(green, "PUT", "/v1/query") == 1


async def test_a_kill_with_a_huge_reason_is_refused(tmp_path: Path) -> None:
    async with two_clusters(tmp_path) as (blue, _green, here):
        answered = await ask("PUT", f"{here.url}/v1/query/{MADE_UP}/killed", "x" * 100_000, USER)
        assert answered.status == 413
        assert asked(blue, "PUT", "/v1/query") == 0


async def test_an_id_that_is_only_mentioned_starts_no_search(tmp_path: Path) -> None:
    async with two_clusters(tmp_path) as (blue, green, here):
        for path in (f"/ui/query.html?{MADE_UP}", f"/ui/api/query/{MADE_UP}"):
            blue.log.clear()
            green.log.clear()
            await ask("GET", here.url + path)
            assert asked(blue, path="/ui") + asked(green, path="/ui") == 1
        page = await statement_at(here, blue)
        for _ in range(5):
            await ask("GET", f"{here.url}/ui/query.html?{page.query_id}")
        assert asked(blue, path="/ui") >= 5


# --- spooled segments


async def spooled(cluster: Simulator) -> tuple[str, str]:
    """The paths of download and acknowledgement of a segment that this cluster made."""
    sql = "SELECT l.* FROM tpch.tiny.lineitem AS l LIMIT 20000"
    page = await submit(cluster.url, sql, {"X-Trino-Query-Data-Encoding": "json+zstd"})
    while page.next_uri:
        answered = await ask("GET", page.next_uri)
        for segment in (answered.json().get("data") or {}).get("segments", ()):
            if segment["type"] == "spooled":
                return tuple("/" + segment[key].split("/", 3)[3] for key in ("uri", "ackUri"))
        page = Page(page.query_id, answered.json().get("nextUri"), "", (), None)
    raise AssertionError("nothing was spooled")


async def test_a_spooled_segment_is_found_and_acknowledged_at_its_cluster(tmp_path: Path) -> None:
    async with two_clusters(tmp_path) as (blue, green, here):
        download, ack = await spooled(blue)
        first = await ask("GET", here.url + download)
        assert first.status == 200
        assert len(first.body) > 1000
        assert (await ask("GET", here.url + download)).body == first.body
        assert asked(green, path="/v1/spooled") == 1
        assert (await ask("GET", here.url + ack)).status == 200
        assert asked(blue, path="/v1/spooled/ack") == 1
        assert (await ask("GET", here.url + download)).status >= 400, "acknowledged, and gone: Trino says 500"


async def test_an_acknowledgement_alone_finds_its_cluster(tmp_path: Path) -> None:
    async with two_clusters(tmp_path) as (blue, green, here):
        _, ack = await spooled(blue)
        assert (await ask("GET", here.url + ack)).status == 200
        assert (asked(blue, path="/v1/spooled/ack"), asked(green, path="/v1/spooled/ack")) == (1, 1)


async def test_nothing_secret_of_a_target_reaches_the_log(tmp_path: Path) -> None:
    log_file = tmp_path / "access.log"
    settings = {**QUICK, "serverConfig": {"http-server.log.enabled": True, "http-server.log.path": str(log_file)}}
    async with two_clusters(tmp_path, settings=settings) as (blue, green, here):
        with capture_logs() as lines:
            page = await statement_at(here, blue)
            download, ack = await spooled(green)
            for path in (target(page), download, ack, "/oauth2/callback?code=SECRETCODE&state=SECRETSTATE"):
                await ask("GET", here.url + path)
            await blue.behave(Behaviour(refuse=True))
            await ask("GET", here.url + target(page))
            await ask("GET", here.url + target(page).replace(page.query_id, MADE_UP))
            await until(lambda: log_file.exists() and log_file.read_text().count("\n") >= 8, "the access log")
    written = log_file.read_text() + repr(lines)
    slug = target(page).split("/")[-2]
    for secret in (slug, download.split("/")[-1], ack.split("/")[-1], "SECRETCODE", "SECRETSTATE"):
        assert secret not in written
    assert '"path":"/v1/statement/queued/{queryId}/{slug}/{token}","status":503' in written
    assert '"path":"/v1/spooled/download/{identifier}","status":200' in written
