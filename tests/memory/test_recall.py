import asyncio

import pytest

from tests.fakes.stores import Cache, Store
from warren.clusters.coordinators import Coordinators
from warren.clusters.roster import Roster
from warren.current import Current
from warren.memory.in_process import InProcess
from warren.memory.recall import Farther, Recall
from warren.model import Cluster, ClusterName, ClusterUrl, CoordinatorId, GroupName, Placement, QueryId

ID = "20260416_160256_03078_6b4yt"
OTHER_ID_OF_THE_SAME_COORDINATOR = "20260417_000000_00000_6b4yt"
BLUE, GREEN = ClusterUrl("http://blue:8080"), ClusterUrl("http://green:8080")


def cluster(url: ClusterUrl) -> Cluster:
    return Cluster(name=ClusterName(url), proxy_to=url, external_url="", group=GroupName("adhoc"), active=True)


def placed(on: ClusterUrl, query_id: str = ID) -> Placement:
    return Placement(QueryId(query_id), on, GroupName("adhoc"), "")


class Instance:
    def __init__(self) -> None:
        self.roster = Current(Roster((cluster(BLUE), cluster(GREEN)), loaded=True))
        self.coordinators = Coordinators()
        self.in_process = InProcess(capacity=10, expire_after_seconds=1800, clock=lambda: 0.0)
        self.recall = Recall(self.in_process, self.coordinators, self.roster)

    def lose(self, *gone: ClusterUrl) -> None:
        left = [cluster for cluster in self.roster.value.clusters if cluster.proxy_to not in gone]
        self.roster.swap(self.roster.value.with_clusters(left))


def test_a_query_that_nothing_tells_of_is_none() -> None:
    assert Instance().recall.nearby(ID) is None


def test_a_placement_is_recalled() -> None:
    instance = Instance()
    instance.recall.keep(placed(BLUE))
    assert instance.recall.nearby(ID) == BLUE
    assert instance.in_process.find(ID) == placed(BLUE)


def test_a_query_that_was_never_seen_is_recalled_by_its_coordinator_id() -> None:
    instance = Instance()
    instance.coordinators.learn(CoordinatorId("6b4yt"), GREEN)
    assert instance.recall.nearby(ID) == GREEN


def test_a_placement_teaches_where_all_queries_of_that_coordinator_are() -> None:
    instance = Instance()
    instance.recall.keep(placed(BLUE))
    assert instance.recall.nearby(OTHER_ID_OF_THE_SAME_COORDINATOR) == BLUE


def test_the_placement_of_the_query_itself_outranks_its_coordinator_id() -> None:
    instance = Instance()
    instance.coordinators.learn(CoordinatorId("6b4yt"), GREEN)
    instance.in_process.keep(placed(BLUE))
    assert instance.recall.nearby(ID) == BLUE


def test_two_coordinators_with_one_id_are_told_apart_by_placements_only() -> None:
    instance = Instance()
    instance.recall.keep(placed(BLUE))
    instance.recall.keep(placed(GREEN, OTHER_ID_OF_THE_SAME_COORDINATOR))

    assert instance.recall.nearby(ID) == BLUE
    assert instance.recall.nearby(OTHER_ID_OF_THE_SAME_COORDINATOR) == GREEN
    assert instance.recall.nearby("20260416_160256_00001_6b4yt") is None


def test_a_url_that_no_cluster_has_any_more_is_a_miss() -> None:
    instance = Instance()
    instance.recall.keep(placed(BLUE))
    instance.lose(BLUE)
    assert instance.recall.nearby(ID) is None


def test_a_cluster_that_left_does_not_hide_what_the_coordinator_id_tells() -> None:
    instance = Instance()
    instance.in_process.keep(placed(BLUE))
    instance.coordinators.learn(CoordinatorId("6b4yt"), GREEN)
    instance.lose(BLUE)
    assert instance.recall.nearby(ID) == GREEN


@pytest.mark.parametrize(
    "other_shape",
    [
        "6b4yt",
        "_6b4yt",
        "1_2_3_6b4yt",
        "20260416_160256_03078_x6b4yt",
        "202604160160256003078_6b4yt",
        "20260416_160256_030780_6b4yt",
        "",
    ],
)
def test_an_id_of_another_shape_follows_from_no_coordinator_id(other_shape: str) -> None:
    instance = Instance()
    instance.coordinators.learn(CoordinatorId("6b4yt"), BLUE)
    assert instance.recall.nearby(other_shape) is None


def test_an_id_of_another_shape_is_recalled_by_its_placement_and_teaches_nothing() -> None:
    instance = Instance()
    instance.recall.keep(placed(BLUE, "query_6b4yt"))
    assert instance.recall.nearby("query_6b4yt") == BLUE
    assert instance.recall.nearby(ID) is None


def test_what_led_to_a_cluster_that_left_does_not_hide_what_a_store_says() -> None:
    instance = Instance()
    instance.in_process.keep(placed(BLUE))
    instance.lose(BLUE)
    assert instance.recall.nearby(ID) is None
    instance.in_process.believe(placed(GREEN))
    assert instance.recall.believed(ID) == placed(GREEN)


# --- what the stores say


class Stored(Instance):
    def __init__(self, cache: Cache, *farther: Store) -> None:
        super().__init__()
        self.now = 0.0
        self.corrected: list[Placement] = []
        self.recall = Recall(
            self.in_process,
            self.coordinators,
            self.roster,
            Farther(cache=cache, tiers=(cache, *farther), correct_history=self.corrected.append),
            clock=lambda: self.now,
        )


async def test_a_far_answer_warms_the_nearer_tiers_and_is_believed_only() -> None:
    cache, history = Cache(), Store(placed(BLUE))
    instance = Stored(cache, history)
    assert await instance.recall.find(ID) == placed(BLUE)
    assert cache.later == [placed(BLUE)]
    assert instance.recall.believed(ID) == placed(BLUE)
    assert instance.recall.nearby(ID) is None, "nobody has proved it"
    instance.recall.keep(placed(BLUE))
    assert instance.recall.nearby(ID) == BLUE
    assert instance.recall.believed(ID) is None


async def test_a_near_answer_asks_no_further_and_a_dead_tier_costs_a_count() -> None:
    history = Store(placed(GREEN))
    assert await Stored(Cache(placed(BLUE)), history).recall.find(ID) == placed(BLUE)
    assert history.counts.requests == 0
    assert await Stored(Cache(fails=True), history).recall.find(ID) == placed(GREEN)


async def test_what_no_store_knows_is_remembered_for_two_seconds_unless_one_did_not_answer() -> None:
    cache, history = Cache(), Store(fails=True)
    instance = Stored(cache, history)
    for _ in range(3):
        assert await instance.recall.find(ID) is None
    assert cache.counts.requests == 3
    history.fails = False
    for _ in range(3):
        assert await instance.recall.find(ID) is None
    assert cache.counts.requests == 4
    instance.now += 2
    await instance.recall.find(ID)
    assert cache.counts.requests == 5


@pytest.mark.parametrize(("cache", "found"), [(Cache(placed(BLUE)), placed(BLUE)), (Cache(fails=True), None)])
async def test_a_thousand_questions_at_once_ask_each_store_once_also_when_it_fails(
    cache: Cache, found: Placement | None
) -> None:
    cache.open.clear()
    instance = Stored(cache)
    async with asyncio.TaskGroup() as group:
        asking = [group.create_task(instance.recall.find(ID)) for _ in range(1000)]
        await asyncio.sleep(0)
        cache.open.set()
    assert {task.result() for task in asking} == {found}
    assert cache.counts.requests == 1


async def test_when_the_one_who_asks_leaves_the_others_do_not_wait_for_the_stores_a_second_time() -> None:
    cache = Cache(placed(BLUE))
    cache.open.clear()
    instance = Stored(cache)
    async with asyncio.TaskGroup() as group:
        first, second = (group.create_task(instance.recall.find(ID)) for _ in range(2))
        await asyncio.sleep(0)
        first.cancel()
        assert await second is None
    cache.open.set()
    assert await instance.recall.find(ID) == placed(BLUE)
    assert cache.counts.requests == 2


async def test_a_placement_is_told_before_the_client_is_and_its_ending_once() -> None:
    cache = Cache()
    instance = Stored(cache)
    for number in range(3):
        await instance.recall.place(placed(BLUE, ID.replace("03078", f"0000{number}")))
    assert [each.cluster for each in cache.kept] == [BLUE] * 3
    assert cache.learned == [("6b4yt", BLUE)]
    await instance.recall.place(placed(BLUE, ID.replace("03078", "00004")), is_awaited=False)
    assert (len(cache.kept), len(cache.later)) == (3, 1), "told all the same, while nobody waits"


async def test_what_is_certain_is_not_replaced_by_what_a_store_says() -> None:
    instance = Stored(Cache(placed(GREEN)))
    instance.recall.keep(placed(BLUE))
    await instance.recall.find(ID)
    assert instance.recall.nearby(ID) == BLUE


async def test_a_correction_reaches_every_tier() -> None:
    cache = Cache(placed(GREEN))
    instance = Stored(cache, Store(placed(GREEN)))
    await instance.recall.find(ID)
    instance.recall.corrected(placed(BLUE))
    assert instance.recall.nearby(ID) == BLUE
    assert cache.later == [placed(BLUE)]
    assert instance.corrected == [placed(BLUE)]
    assert instance.recall.corrected_count == 1


async def test_a_coordinator_id_that_two_clusters_claim_decides_nothing_also_for_queries_seen_before() -> None:
    instance = Stored(Cache())
    instance.coordinators.learn(CoordinatorId("6b4yt"), BLUE)
    assert instance.recall.nearby(ID) == BLUE
    instance.coordinators.learn(CoordinatorId("6b4yt"), GREEN)
    assert instance.recall.nearby(ID) is None


async def test_a_believed_place_that_has_left_the_roster_is_a_miss() -> None:
    instance = Stored(Cache(placed(GREEN)))
    await instance.recall.find(ID)
    instance.lose(GREEN)
    assert instance.recall.believed(ID) is None
