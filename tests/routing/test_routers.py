import pytest

from warren.model import Cluster, ClusterName, ClusterUrl, GroupName
from warren.routing.candidates import Candidates
from warren.routing.routers import AtRandom, Choice

ETL = GroupName("etl")


def cluster(name: str) -> Cluster:
    return Cluster(
        name=ClusterName(name), proxy_to=ClusterUrl(f"http://{name}"), external_url="", group=ETL, active=True
    )


BLUE, GREEN, RED = cluster("blue"), cluster("green"), cluster("red")


@pytest.mark.parametrize(("number", "cluster"), [(0, BLUE), (1, GREEN), (2, RED)])
def test_chance_chooses_among_all_candidates(number: int, cluster: Cluster) -> None:
    asked: list[int] = []

    def chance(below: int) -> int:
        asked.append(below)
        return number

    choice = AtRandom(chance)(Candidates(ETL, (BLUE, GREEN, RED), "header says etl"))

    assert choice == Choice(cluster, ETL, "header says etl; at random of 3")
    assert asked == [3]


def test_a_single_candidate_needs_no_luck_and_the_reason_says_so() -> None:
    choice = AtRandom(lambda below: below - 1)(Candidates(ETL, (BLUE,), "header says etl"))
    assert choice == Choice(BLUE, ETL, "header says etl; the only candidate")
