"""Who owns a query that somebody wants to kill: known, believed, searched for, or not to be found out."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import cast

import pytest

from tests.fakes.stores import Store
from warren.clusters.coordinators import Coordinators
from warren.clusters.roster import Roster
from warren.current import Current
from warren.drivers.http import HttpClient
from warren.errors import ClusterFellSilent, GatewayError, NoClusterAvailable, TooManySearches
from warren.memory.in_process import InProcess
from warren.memory.recall import Farther, Recall
from warren.memory.tiers import Tier
from warren.model import Cluster, ClusterName, ClusterUrl, GroupName, Placement, QueryId
from warren.protocol.headers import Fields
from warren.proxy.kills import ASK_SECONDS, IDENTITY, Kills
from warren.proxy.search import SearchLimits

ID = QueryId("20260416_160256_03078_6b4yt")
BLUE, GREEN, RED = ClusterUrl("http://blue:8080"), ClusterUrl("http://green:8080"), ClusterUrl("http://red:8080")
ADHOC = GroupName("adhoc")
SILENT = ClusterFellSilent("no answer")
FIELDS: Fields = {
    b"x-trino-user": [b"zo\xc3\xab", b"second"],
    b"authorization": [b"Bearer abc"],
    b"cookie": [b"a=1"],
    b"x-trino-original-user": [b"zoe"],
    b"x-trino-extra-credential": [b"k=v"],
    b"x-trino-source": [b"cli"],
    b"content-length": [b"7"],
}


class Asked:
    """The clusters as they are asked: each says its status, or nothing."""

    def __init__(self, answers: Mapping[ClusterUrl, "int | GatewayError"]) -> None:
        self.answers = dict(answers)
        self.urls: list[str] = []
        self.headers: list[Mapping[str, str]] = []

    async def head(self, url: str, headers: Mapping[str, str], *, deadline_seconds: float) -> int:
        assert deadline_seconds == ASK_SECONDS
        self.urls.append(url)
        self.headers.append(headers)
        said = self.answers[ClusterUrl(url.partition("/v1/")[0])]
        if isinstance(said, GatewayError):
            raise said
        return said


class Scene:
    def __init__(
        self,
        answers: Mapping[ClusterUrl, "int | GatewayError"],
        *,
        stored: ClusterUrl | None = None,
        away: Mapping[ClusterUrl, float] | None = None,
        inactive: Sequence[ClusterUrl] = (),
    ) -> None:
        clusters = [
            Cluster(
                name=ClusterName(url.partition("//")[2].partition(":")[0]),
                proxy_to=url,
                external_url=f"{url}/external",
                group=ADHOC,
                active=url not in inactive,
            )
            for url in (BLUE, GREEN, RED)
        ]
        self.roster = Current(Roster(tuple(clusters), loaded=True))
        known = [Placement(ID, stored, ADHOC, "")] if stored is not None else []
        self.corrected: list[Placement] = []
        self.recall = Recall(
            InProcess(capacity=10, expire_after_seconds=1800, clock=lambda: 0.0),
            Coordinators(),
            self.roster,
            Farther(tiers=[cast(Tier, Store(*known))], correct_history=self.corrected.append),
            clock=lambda: 0.0,
        )
        self.asked = Asked(answers)
        self.kills = Kills(
            self.recall,
            self.roster,
            cast(HttpClient, self.asked),
            headers={"Via": "1.1 here"},
            unreachable_for=lambda url: (away or {}).get(url, 0.0),
            limits=SearchLimits(at_once=2, at_once_per_client=1, ignore_unreachable_after=60.0),
        )

    async def owner(self, client: bytes = b"192.0.2.1") -> str | None:
        found = await self.kills.owner(ID, FIELDS, client)
        return found.name if found is not None else None

    def counted(self) -> tuple[int, int, int]:
        counts = self.kills.counts
        return counts.nearby, counts.found, counts.unknown

    def lose(self, url: ClusterUrl) -> None:
        left = [each for each in self.roster.value.clusters if each.proxy_to != url]
        self.roster.swap(self.roster.value.with_clusters(left))


async def test_a_query_that_was_placed_here_asks_nobody() -> None:
    scene = Scene({})
    await scene.recall.place(Placement(ID, GREEN, ADHOC, ""))
    assert await scene.owner() == "green"
    assert (scene.asked.urls, scene.counted()) == ([], (1, 0, 0))


async def test_what_a_store_says_is_checked_with_its_cluster_and_remembered() -> None:
    scene = Scene({GREEN: 200}, stored=GREEN)
    assert await scene.owner() == "green"
    assert scene.asked.urls == [f"{GREEN}/v1/query/{ID}"]
    assert scene.recall.nearby(ID) == GREEN
    assert await scene.owner() == "green"
    assert (len(scene.asked.urls), scene.counted()) == (1, (1, 1, 0))


@pytest.mark.parametrize("said", [410, 404, 500, SILENT])
async def test_a_wrong_word_of_a_store_is_corrected_by_a_search(said: int | GatewayError) -> None:
    scene = Scene({GREEN: said, BLUE: 410, RED: 200}, stored=GREEN)
    assert await scene.owner() == "red"
    right = Placement(ID, RED, ADHOC, f"{RED}/external")
    assert scene.corrected == [right]
    assert scene.recall.nearby(ID) == RED


async def test_a_query_that_nothing_tells_of_is_searched_for_and_remembered() -> None:
    scene = Scene({BLUE: 410, GREEN: 200, RED: SILENT})
    assert await scene.owner() == "green"
    assert sorted(scene.asked.urls) == sorted(f"{url}/v1/query/{ID}" for url in (BLUE, GREEN, RED))
    assert scene.recall.nearby(ID) == GREEN
    assert (scene.corrected, scene.counted()) == ([], (0, 1, 0))


async def test_where_every_cluster_denies_it_there_is_no_such_query() -> None:
    scene = Scene({BLUE: 410, GREEN: 410, RED: 410})
    assert await scene.owner() is None
    assert scene.counted() == (0, 0, 1)


@pytest.mark.parametrize("said", [401, 403, 404, 500, 503, SILENT])
async def test_where_it_cannot_be_found_out_nobody_gets_the_statement(said: int | GatewayError) -> None:
    scene = Scene({BLUE: 410, GREEN: said, RED: said})
    with pytest.raises(NoClusterAvailable, match="could not be found out at: red, green"):
        await scene.owner()
    assert scene.recall.nearby(ID) is None
    assert scene.counted() == (0, 0, 0)


@pytest.mark.parametrize("said", [401, 404, 500, 503, SILENT])
async def test_one_cluster_that_does_not_say_is_enough(said: int | GatewayError) -> None:
    with pytest.raises(NoClusterAvailable, match="could not be found out at: green"):
        await Scene({BLUE: 410, GREEN: said, RED: 410}).owner()


async def test_the_one_that_may_not_say_is_the_owner_and_will_refuse_by_itself() -> None:
    """Nothing is remembered: it has proved nothing."""
    scene = Scene({BLUE: 410, GREEN: 403, RED: 410})
    assert await scene.owner() == "green"
    assert scene.recall.nearby(ID) is None
    scene = Scene({BLUE: 410, GREEN: 403, RED: SILENT})
    with pytest.raises(NoClusterAvailable, match="at: red, green"):
        await scene.owner()


async def test_clusters_are_asked_in_the_name_of_who_wants_to_kill() -> None:
    scene = Scene({BLUE: 410, GREEN: 410, RED: 410})
    await scene.owner()
    assert (
        scene.asked.headers
        == [
            {
                "Via": "1.1 here",
                "x-trino-user": "zoë",
                "authorization": "Bearer abc",
                "cookie": "a=1",
                "x-trino-original-user": "zoe",
                "x-trino-extra-credential": "k=v",
            }
        ]
        * 3
    )
    assert all(name in FIELDS for name in IDENTITY)


async def test_an_inactive_cluster_is_asked_unless_it_is_away_for_long() -> None:
    scene = Scene({BLUE: 410, GREEN: 410, RED: 200}, inactive=[RED])
    assert await scene.owner() == "red"
    scene = Scene({BLUE: 410, GREEN: 410}, inactive=[RED], away={RED: 61.0})
    assert await scene.owner() is None
    scene = Scene({BLUE: 410, GREEN: 410, RED: SILENT}, away={RED: 61.0})
    with pytest.raises(NoClusterAvailable, match="red"):  # people say that it is in use
        await scene.owner()


async def test_an_owner_that_is_removed_while_it_is_asked_is_none_any_more() -> None:
    scene = Scene({BLUE: 410, GREEN: 200, RED: 410}, stored=GREEN)
    head = scene.asked.head

    async def removing(url: str, headers: Mapping[str, str], *, deadline_seconds: float) -> int:
        scene.lose(GREEN)
        return await head(url, headers, deadline_seconds=deadline_seconds)

    scene.asked.head = removing  # type: ignore[method-assign] # a step in between, as a real cluster takes its time
    assert await scene.owner() is None
    assert scene.asked.urls == [f"{url}/v1/query/{ID}" for url in (GREEN, RED, BLUE)]


async def test_a_gateway_without_clusters_knows_no_query() -> None:
    scene = Scene({})
    for url in (BLUE, GREEN, RED):
        scene.lose(url)
    assert await scene.owner() is None


async def test_only_so_many_ask_at_once_in_all_and_for_one_client() -> None:
    scene = Scene({BLUE: 410, GREEN: 410, RED: 410})
    answered = asyncio.Event()
    head = scene.asked.head

    async def slowly(url: str, headers: Mapping[str, str], *, deadline_seconds: float) -> int:
        await answered.wait()
        return await head(url, headers, deadline_seconds=deadline_seconds)

    scene.asked.head = slowly  # type: ignore[method-assign] # this one takes its time
    async with asyncio.TaskGroup() as group:
        first = group.create_task(scene.owner())
        await asyncio.sleep(0)
        with pytest.raises(TooManySearches):
            await scene.owner()
        second = group.create_task(scene.owner(b"192.0.2.2"))
        await asyncio.sleep(0)
        with pytest.raises(TooManySearches):
            await scene.owner(b"192.0.2.3")
        answered.set()
    assert (first.result(), second.result()) == (None, None)
    assert await scene.owner() is None, "who is done makes room"
