import pytest

from warren.clusters.roster import Roster
from warren.current import Current
from warren.errors import NoClusterAvailable
from warren.model import Cluster, ClusterName, ClusterUrl, Decision, GroupName, Health, HealthStatus
from warren.proxy.choosing import Choosing
from warren.routing.candidates import FallbackPolicy
from warren.routing.routers import AtRandom

ADHOC, ETL = GroupName("adhoc"), GroupName("etl")
H, U, N, P = HealthStatus.HEALTHY, HealthStatus.UNHEALTHY, HealthStatus.UNKNOWN, HealthStatus.PENDING


def choosing(*clusters: tuple[GroupName, HealthStatus], strict: bool = False, active: bool = True) -> Choosing:
    """Clusters a, b, … of these groups and healths."""
    roster = Roster(loaded=True).with_clusters(
        tuple(
            Cluster(
                name=ClusterName(chr(ord("a") + number)),
                proxy_to=ClusterUrl(f"http://{chr(ord('a') + number)}:8080"),
                external_url="",
                group=group,
                active=active,
            )
            for number, (group, _) in enumerate(clusters)
        )
    )
    for cluster, (_, status) in zip(roster.clusters, clusters, strict=True):
        if status is not HealthStatus.UNKNOWN:
            roster = roster.with_health(cluster.name, Health(status))
    return Choosing(Current(roster), FallbackPolicy(default=ADHOC, strict=strict), AtRandom(lambda _: 0))


def test_a_cluster_of_the_group_is_chosen_with_the_reason() -> None:
    choice = choosing((ADHOC, H), (ETL, H)).choose(Decision(ETL, "so it was said"))
    assert (choice.cluster.name, choice.group, choice.because) == ("b", "etl", "so it was said; the only candidate")


def test_what_has_failed_is_not_chosen_again() -> None:
    here = choosing((ADHOC, H), (ADHOC, H))
    assert here.choose(Decision(ADHOC, ""), frozenset({ClusterUrl("http://a:8080")})).cluster.name == "b"
    with pytest.raises(NoClusterAvailable, match="a: tried already; b: tried already"):
        here.choose(Decision(ADHOC, ""), frozenset({ClusterUrl("http://a:8080"), ClusterUrl("http://b:8080")}))


@pytest.mark.parametrize(
    ("clusters", "strict", "undecided"),
    [
        ([], False, False),
        ([(ETL, N)], False, True),
        ([(ETL, N), (ETL, H)], False, False),
        ([(ETL, N), (ETL, U)], False, True),
        ([(ETL, U), (ADHOC, N)], False, True),
        ([(ETL, U), (ADHOC, N)], True, False),
        ([(ETL, N), (ADHOC, H)], False, True),
        ([(ETL, P), (ADHOC, H)], False, False),
        ([(ADHOC, N)], False, True),
        ([(ADHOC, N)], True, False),
    ],
)
def test_it_is_undecided_while_a_first_probe_may_bring_a_cluster(
    clusters: list[tuple[GroupName, HealthStatus]], strict: bool, undecided: bool
) -> None:
    assert choosing(*clusters, strict=strict).is_undecided(Decision(ETL, "")) is undecided


def test_a_probe_of_an_inactive_cluster_is_not_waited_for() -> None:
    assert not choosing((ETL, N), active=False).is_undecided(Decision(ETL, ""))
