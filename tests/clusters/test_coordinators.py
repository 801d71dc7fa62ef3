import pytest

from warren.clusters.coordinators import IDS_PER_CLUSTER, Coordinators
from warren.model import ClusterUrl, CoordinatorId

BLUE, GREEN = ClusterUrl("http://blue:8080"), ClusterUrl("http://green:8080")
ID, OTHER = CoordinatorId("6b4yt"), CoordinatorId("7q5ke")


def test_an_id_that_nobody_has_shown_belongs_to_nobody() -> None:
    assert Coordinators().owner(ID) is None


def test_an_id_belongs_to_the_cluster_that_has_shown_it() -> None:
    coordinators = Coordinators()
    coordinators.learn(ID, BLUE)
    coordinators.learn(OTHER, GREEN)
    coordinators.learn(ID, BLUE)

    assert coordinators.owner(ID) == BLUE
    assert coordinators.owner(OTHER) == GREEN


def test_an_id_that_two_clusters_claim_decides_nothing_until_one_of_them_has_gone() -> None:
    coordinators = Coordinators()
    coordinators.learn(ID, BLUE)
    coordinators.learn(ID, GREEN)
    assert coordinators.owner(ID) is None

    coordinators.learn(ID, BLUE)
    assert coordinators.owner(ID) is None

    coordinators.keep_only([GREEN])
    assert coordinators.owner(ID) == GREEN


def test_a_restarted_coordinator_keeps_its_former_ids() -> None:
    coordinators = Coordinators()
    coordinators.learn(ID, BLUE)
    coordinators.learn(OTHER, BLUE)

    assert coordinators.owner(ID) == BLUE
    assert coordinators.owner(OTHER) == BLUE


def test_of_many_ids_of_one_cluster_the_least_recently_shown_is_forgotten() -> None:
    coordinators = Coordinators()
    ids = [CoordinatorId(f"abcd{n}") for n in range(IDS_PER_CLUSTER)]
    for each in ids:
        coordinators.learn(each, BLUE)
    coordinators.learn(ids[0], BLUE)
    coordinators.learn(OTHER, BLUE)

    assert coordinators.owner(ids[1]) is None
    assert [coordinators.owner(each) for each in [ids[0], *ids[2:], OTHER]] == [BLUE] * IDS_PER_CLUSTER


def test_an_id_that_one_claimant_has_outlived_belongs_to_the_other() -> None:
    coordinators = Coordinators()
    coordinators.learn(ID, BLUE)
    coordinators.learn(ID, GREEN)
    for n in range(IDS_PER_CLUSTER):
        coordinators.learn(CoordinatorId(f"abcd{n}"), BLUE)

    assert coordinators.owner(ID) == GREEN


@pytest.mark.parametrize("malformed", ["", "6b4y", "6b4yt2", "6B4YT", "6b4y_", "6b4y\n", "6b4y٣", "'; --"])
def test_what_trino_cannot_have_drawn_is_ignored(malformed: str) -> None:
    coordinators = Coordinators()
    coordinators.learn(CoordinatorId(malformed), BLUE)

    assert coordinators.owner(CoordinatorId(malformed)) is None


def test_clusters_that_left_are_forgotten_and_others_stay() -> None:
    coordinators = Coordinators()
    coordinators.learn(ID, BLUE)
    coordinators.learn(OTHER, GREEN)
    coordinators.keep_only({GREEN: "as a mapping's keys"}.keys())

    assert coordinators.owner(ID) is None
    assert coordinators.owner(OTHER) == GREEN
