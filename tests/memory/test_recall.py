import pytest

from warren.clusters.coordinators import Coordinators
from warren.clusters.roster import Roster
from warren.current import Current
from warren.memory.in_process import InProcess
from warren.memory.recall import Recall
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
