import asyncio
import ssl

import pytest

from tests.fakes.stores import Cache
from tests.proxy.exchanges import Answers, FakeExchange
from warren.clusters.coordinators import Coordinators
from warren.clusters.roster import Roster
from warren.current import Current
from warren.errors import ClusterFellSilent, ClusterUnreachable, NoClusterAvailable, TooManySearches
from warren.memory.denials import Denials
from warren.memory.in_process import InProcess
from warren.memory.recall import NOTHING_FARTHER, Farther, Recall
from warren.model import Cluster, ClusterName, ClusterUrl, GroupName, Placement, QueryId
from warren.protocol.asked import Follow, FollowKind, Spooled, SpooledAction
from warren.proxy import search
from warren.proxy.search import Search, SearchLimits
from warren.proxy.upstreams import Upstreams
from warren.wire.ticker import Ticker
from warren.wire.upstream import UpstreamLimits

A, B = ClusterUrl("http://a:1"), ClusterUrl("http://b:1")
ID = QueryId("20260416_160256_03078_6b4yt")
PAGE = Follow(ID, True, FollowKind.STATEMENT)
QUERY = Follow(ID, True, FollowKind.QUERY)
SEGMENT = Spooled("identifier", SpooledAction.DOWNLOAD)
SILENT = ClusterFellSilent("nothing came")
REFUSED = ClusterUnreachable("refused")


def cluster(url: ClusterUrl, *, active: bool = True) -> Cluster:
    return Cluster(name=ClusterName(url[7:8]), proxy_to=url, external_url=url, group=GroupName("adhoc"), active=active)


class Scene:
    """Two clusters, and nothing remembered."""

    def __init__(
        self,
        *clusters: Cluster,
        limits: SearchLimits | None = None,
        gone_for: float = 0.0,
        farther: Farther = NOTHING_FARTHER,
    ) -> None:
        self.now = 0.0
        roster = Current(Roster().with_clusters(clusters or (cluster(A), cluster(B))))
        memory = InProcess(capacity=10, expire_after_seconds=60, clock=lambda: self.now)
        self.recall = Recall(memory, Coordinators(), roster, farther)
        upstreams = Upstreams(
            ticker=Ticker(),
            limits=UpstreamLimits(),
            tls=ssl.create_default_context(),
            on_trouble=lambda _url, _error: None,
        )
        self.search = Search(
            self.recall,
            InProcess(capacity=10, expire_after_seconds=60, clock=lambda: self.now),
            Denials(lambda: self.now),
            upstreams,
            roster,
            limits=limits or SearchLimits(),
            unreachable_for=lambda _url: gone_for,
        )

    async def ask(
        self, answers: Answers, asked: Follow | Spooled = PAGE, *, method: str = "GET", target: str = "/x"
    ) -> FakeExchange:
        exchange = FakeExchange(method, target, answers)
        await self.search.answer(exchange.as_exchange(), asked)
        return exchange


@pytest.mark.parametrize(
    ("statuses", "outcome"),
    [((200, 404), "proved"), ((404, 404), "denied"), ((401, 401), "undecided"), ((404, 500), "undecided")],
)
async def test_a_search_is_counted_once_by_what_it_found(statuses: tuple[int, int], outcome: str) -> None:
    scene = Scene()
    try:
        await scene.ask(dict(zip((A, B), statuses, strict=True)))
    except NoClusterAvailable:
        assert outcome == "undecided"
    counts = scene.search.counts
    found = {"proved": counts.proved, "denied": counts.denied, "undecided": counts.undecided}
    assert found == {"proved": 0, "denied": 0, "undecided": 0, outcome: 1}
    assert (counts.started, counts.running, counts.refused) == (1, 0, 0)


async def test_a_search_without_clusters_and_one_that_a_silent_cluster_spoils_find_nothing_out() -> None:
    for scene in (Scene(cluster(A, active=False), gone_for=601.0), Scene()):
        with pytest.raises(NoClusterAvailable):
            await scene.ask({A: 404, B: SILENT})
        assert (scene.search.counts.started, scene.search.counts.undecided) == (1, 1)


@pytest.mark.parametrize(
    ("asked", "method", "statuses", "passed_on"),
    [
        (PAGE, "GET", (200, 404), 200),
        (PAGE, "GET", (404, 204), 204),
        (PAGE, "GET", (404, 410), 410),  # its page was read before: only the owner can know that
        (PAGE, "GET", (404, 404), 404),
        (PAGE, "GET", (401, 401), 401),
        (PAGE, "GET", (429, 429), 429),
        (PAGE, "GET", (500, 500), 500),
        (QUERY, "GET", (410, 200), 200),
        (QUERY, "GET", (410, 410), 410),
        (QUERY, "PUT", (410, 409), 409),
        (QUERY, "DELETE", (204, 204), 204),
        (SEGMENT, "GET", (404, 303), 303),
        (SEGMENT, "GET", (404, 404), 404),
    ],
)
async def test_a_proof_is_passed_on_or_what_all_say(
    asked: Follow | Spooled, method: str, statuses: tuple[int, int], passed_on: int
) -> None:
    exchange = await Scene().ask({A: statuses[0], B: statuses[1]}, asked, method=method)
    assert exchange.done == [passed_on]
    assert [held.is_discarded for held in exchange.held].count(False) == 1, "the others are closed"


@pytest.mark.parametrize(
    ("asked", "method", "answers", "because"),
    [
        (PAGE, "GET", {A: 404, B: SILENT}, "could not be asked for at: b"),
        (PAGE, "GET", {A: REFUSED, B: SILENT}, "could not be asked for at: "),
        (PAGE, "GET", {A: 404, B: 401}, "contradict each other"),
        (PAGE, "GET", {A: 404, B: 503}, "contradict each other"),
        (PAGE, "GET", {A: 500, B: 503}, "contradict each other"),
        (QUERY, "DELETE", {A: 204, B: SILENT}, "could not be asked for at: b"),
        (QUERY, "GET", {A: 404, B: 410}, "contradict each other"),
    ],
)
async def test_without_certainty_nothing_is_denied(
    asked: Follow | Spooled, method: str, answers: Answers, because: str
) -> None:
    scene = Scene()
    with pytest.raises(NoClusterAvailable, match=because):
        await scene.ask(answers, asked, method=method)
    assert (await scene.ask({A: 200, B: 404}, PAGE)).done == [200], "and nothing is remembered of it"


async def test_only_a_proof_is_remembered() -> None:
    scene = Scene()
    await scene.ask({A: 401, B: 401})
    assert scene.search.nearby(PAGE) is None
    await scene.ask({A: 404, B: 200})
    assert scene.search.nearby(PAGE) == B
    exchange = await scene.ask({})
    assert (exchange.asked, exchange.done) == ([], [(f"cluster {B}", 25.0)])
    assert (await scene.ask({}, QUERY)).done == [(f"cluster {B}", 120.0)]


async def test_who_had_a_segment_gets_its_acknowledgement() -> None:
    scene = Scene()
    await scene.ask({A: 200, B: 404}, SEGMENT)
    ack = await scene.ask({}, Spooled("identifier", SpooledAction.ACK))
    assert ack.done == [(f"cluster {A}", 120.0)]
    assert scene.search.nearby(PAGE) is None


async def test_a_denial_holds_two_seconds_for_the_same_request_only() -> None:
    scene = Scene()
    nobody = {A: 404, B: 404}
    await scene.ask(nobody, target="/one")
    scene.now = 1.9
    assert (await scene.ask(nobody, target="/one")).asked == []
    assert len((await scene.ask(nobody, target="/two")).asked) == 2
    assert len((await scene.ask(nobody, target="/one", method="DELETE")).asked) == 2
    scene.now = 2.1
    assert len((await scene.ask(nobody, target="/one")).asked) == 2


@pytest.mark.parametrize(("gone_for", "status"), [(601.0, 404), (599.0, None)])
async def test_an_inactive_cluster_that_is_long_gone_is_not_asked(gone_for: float, status: int | None) -> None:
    scene = Scene(cluster(A), cluster(B, active=False), gone_for=gone_for)
    if status is None:
        with pytest.raises(NoClusterAvailable):
            await scene.ask({A: 404, B: REFUSED})
    else:
        assert (await scene.ask({A: 404})).done == [status]


async def test_an_active_cluster_is_asked_however_long_it_is_gone() -> None:
    with pytest.raises(NoClusterAvailable, match="could not be asked"):
        await Scene(gone_for=9999.0).ask({A: 404, B: REFUSED})


async def test_searches_at_once_are_limited() -> None:
    scene = Scene(limits=SearchLimits(at_once=10, at_once_per_client=1))
    go_on = asyncio.Event()

    async def late() -> int:
        await go_on.wait()
        return 404

    async with asyncio.TaskGroup() as group:
        first = group.create_task(scene.ask({A: late, B: 404}))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        other = Follow(QueryId("20260416_160256_03079_6b4yt"), True, FollowKind.STATEMENT)
        with pytest.raises(TooManySearches):
            await scene.ask({A: 404, B: 404}, other)
        go_on.set()
    assert first.result().done == [404]
    assert (await scene.ask({A: 404, B: 404}, other)).done == [404]


async def test_when_the_searching_client_leaves_the_next_one_searches() -> None:
    scene = Scene()

    async def never() -> int:
        await asyncio.Event().wait()
        return 404

    async with asyncio.TaskGroup() as group:
        first = group.create_task(scene.ask({A: never, B: 404}))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        second = group.create_task(scene.ask({A: 200, B: 404}))
        await asyncio.sleep(0)
        first.cancel()
    assert second.result().done == [200]


async def test_the_failure_of_a_search_is_that_of_all_who_waited_for_it() -> None:
    scene = Scene()
    go_on = asyncio.Event()

    async def fails() -> int:
        await go_on.wait()
        raise SILENT

    async def asks() -> str:
        with pytest.raises(NoClusterAvailable) as failure:
            await scene.ask({A: fails, B: 404})
        return str(failure.value)

    async with asyncio.TaskGroup() as group:
        waiting = [group.create_task(asks()) for _ in range(5)]
        for _ in range(5):
            await asyncio.sleep(0)
        go_on.set()
    assert len({each.result() for each in waiting}) == 1


async def test_a_wait_for_anothers_search_has_an_end() -> None:
    scene = Scene(limits=SearchLimits(patience=0.02))
    go_on = asyncio.Event()

    async def late() -> int:
        await go_on.wait()
        return 404

    async with asyncio.TaskGroup() as group:
        group.create_task(scene.ask({A: late, B: 404}))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        with pytest.raises(NoClusterAvailable, match="still being searched for"):
            await scene.ask({A: 404, B: 404})
        go_on.set()


async def test_a_strangers_search_denies_the_owner_nothing() -> None:
    """Clusters answer by slug and credentials: what they say to one who only knows the id is not for its owner."""
    scene = Scene()
    go_on = asyncio.Event()

    async def fails() -> int:
        await go_on.wait()
        raise SILENT

    async def stranger() -> None:
        with pytest.raises(NoClusterAvailable):
            await scene.ask({A: 404, B: fails}, target="/v1/statement/executing/x/guessed/1")

    async with asyncio.TaskGroup() as group:
        group.create_task(stranger())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        owner = group.create_task(scene.ask({A: 200, B: SILENT}, target="/v1/statement/executing/x/real/1"))
        await asyncio.sleep(0)
        go_on.set()
    assert owner.result().done == [200]


async def test_a_strangers_search_that_does_not_end_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "STRANGERS_SECONDS", 0.01)
    scene = Scene()
    go_on = asyncio.Event()

    async def late() -> int:
        await go_on.wait()
        return 404

    async with asyncio.TaskGroup() as group:
        stranger = group.create_task(scene.ask({A: late, B: 404}, target="/guessed"))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert (await scene.ask({A: 200, B: 404}, target="/real")).done == [200]
        go_on.set()
    assert stranger.result().done == [404]


# --- what a store has said


async def test_a_request_waits_for_the_stores_once_its_wait_for_a_strangers_search_included() -> None:
    silent = Cache(fails=True)
    scene = Scene(farther=Farther(cache=silent, tiers=(silent,)))
    silent.open.clear()
    async with asyncio.TaskGroup() as group:
        asking = [group.create_task(scene.ask({A: 404, B: 404}, target=target)) for target in ("/guessed", "/real")]
        for _ in range(5):
            await asyncio.sleep(0)
        silent.open.set()
    assert [each.result().done for each in asking] == [[404], [404]]
    assert silent.counts.requests == 1


async def test_when_the_one_who_asks_the_stores_leaves_the_next_one_searches() -> None:
    silent = Cache()
    scene = Scene(farther=Farther(cache=silent, tiers=(silent,)))
    silent.open.clear()
    async with asyncio.TaskGroup() as group:
        first, second = (group.create_task(scene.ask({A: 200, B: 404})) for _ in range(2))
        for _ in range(5):
            await asyncio.sleep(0)
        first.cancel()
    assert second.result().done == [200]
    assert silent.counts.requests == 1


def placed(on: ClusterUrl) -> Placement:
    return Placement(ID, on, GroupName("adhoc"), "")


class Told:
    """A scene in which the distributed cache names an owner."""

    def __init__(self, owner: ClusterUrl) -> None:
        self.cache = Cache(placed(owner))
        self.corrected: list[Placement] = []
        farther = Farther(cache=self.cache, tiers=(self.cache,), correct_history=self.corrected.append)
        self.scene = Scene(farther=farther)


async def test_a_believed_owner_that_proves_it_is_certain_from_then_on_and_nobody_else_is_asked() -> None:
    told = Told(B)
    exchange = await told.scene.ask({B: 200})
    assert (exchange.asked, exchange.done) == ([f"cluster {B}"], [200])
    assert told.scene.search.nearby(PAGE) == B
    assert told.corrected == []


@pytest.mark.parametrize("status", [401, 500, 503])
async def test_a_believed_owner_that_neither_proves_nor_denies_is_the_answer_when_all_others_deny(status: int) -> None:
    told = Told(B)
    exchange = await told.scene.ask({A: 404, B: status})
    assert exchange.done == [status]
    assert told.scene.search.nearby(PAGE) is None
    assert (await told.scene.ask({B: 200})).done == [200]
    assert told.cache.counts.requests == 1, "it is remembered here what the store said"


@pytest.mark.parametrize("status", [401, 404, 500, 503])
async def test_whatever_a_believed_owner_says_but_a_proof_does_not_hide_the_true_owner(status: int) -> None:
    told = Told(B)
    exchange = await told.scene.ask({A: 200, B: status})
    assert exchange.done == [200]
    assert told.scene.search.nearby(PAGE) == A
    assert [each.cluster for each in told.corrected] == [A]


async def test_two_that_do_not_deny_are_a_contradiction_whatever_a_store_says() -> None:
    with pytest.raises(NoClusterAvailable, match="contradict"):
        await Told(B).scene.ask({A: 500, B: 503})


@pytest.mark.parametrize(("asked", "denial"), [(PAGE, 404), (QUERY, 410)])
async def test_a_believed_owner_that_denies_causes_one_search_that_corrects_every_tier(
    asked: Follow, denial: int
) -> None:
    told = Told(B)
    exchange = await told.scene.ask({A: 200, B: denial}, asked)
    assert exchange.done == [200]
    assert exchange.held[0].is_discarded, "the denial was not released"
    assert told.scene.search.nearby(asked) == A
    assert [each.cluster for each in told.cache.later] == [A]
    assert [each.cluster for each in told.corrected] == [A]


async def test_a_believed_owner_that_cannot_be_reached_is_searched_past() -> None:
    told = Told(B)
    exchange = await told.scene.ask({A: 200, B: REFUSED})
    assert exchange.done == [200]
    assert [each.cluster for each in told.corrected] == [A]


async def test_a_search_in_which_nobody_proves_anything_removes_nothing() -> None:
    told = Told(B)
    assert (await told.scene.ask({A: 404, B: 404})).done == [404]
    told.scene.now += 2
    exchange = await told.scene.ask({B: 200})
    assert exchange.done == [200], "it was asked again"
    assert told.corrected == []


async def test_a_cancel_by_id_goes_to_all_since_its_answer_proves_nothing() -> None:
    told = Told(B)
    exchange = await told.scene.ask({A: 204, B: 204}, QUERY, method="DELETE")
    assert sorted(exchange.asked) == [f"cluster {A}", f"cluster {B}"]
    assert told.cache.counts.requests == 0
