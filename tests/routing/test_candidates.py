from collections.abc import Sequence
from dataclasses import dataclass, replace

import pytest

from warren.errors import NoClusterAvailable
from warren.model import Cluster, ClusterName, ClusterUrl, Decision, GroupName, Health, HealthStatus
from warren.routing.candidates import CLUSTERS_NAMED, FallbackPolicy, Members, candidates

ADHOC, ETL = GroupName("adhoc"), GroupName("etl")
TO_ETL = Decision(ETL, "header says etl")
TO_ADHOC = Decision(ADHOC, "no header")

HEALTHY = Health(HealthStatus.HEALTHY)
SUSPECTED = Health(HealthStatus.HEALTHY, suspicion="connection refused")
DOWN = Health(HealthStatus.UNHEALTHY, "connection refused")
STARTING = Health(HealthStatus.PENDING, "is starting")
UNKNOWN = Health(HealthStatus.UNKNOWN, "not checked yet")

Member = tuple[Cluster, Health]


def cluster(name: str) -> Cluster:
    return Cluster(
        name=ClusterName(name),
        proxy_to=ClusterUrl(f"http://{name}"),
        external_url="",
        group=ADHOC,  # routing believes the roster about groups, not this
        active=True,
    )


BLUE, GREEN, RED = cluster("blue"), cluster("green"), cluster("red")
ALL_TRIED = frozenset({BLUE.proxy_to, GREEN.proxy_to, RED.proxy_to})


def inactive(which: Cluster) -> Cluster:
    return replace(which, active=False)


@dataclass(frozen=True)
class Fixed:
    """Two groups, whatever their clusters say of themselves."""

    etl: Members
    adhoc: Members

    def members(self, group: GroupName) -> Members:
        return {ETL: self.etl, ADHOC: self.adhoc}.get(group, ())

    def pinned(self, name: ClusterName) -> Members:
        return [member for member in (*self.etl, *self.adhoc) if member[0].name == name]


def roster(etl: Sequence[Member] = (), adhoc: Sequence[Member] = ()) -> Fixed:
    return Fixed(etl, adhoc)


def policy(*, strict: bool = False) -> FallbackPolicy:
    return FallbackPolicy(default=ADHOC, strict=strict)


@pytest.mark.parametrize(
    ("members", "exclude", "chosen"),
    [
        ([(BLUE, HEALTHY), (GREEN, HEALTHY)], [], [BLUE, GREEN]),
        ([(BLUE, HEALTHY), (inactive(GREEN), HEALTHY)], [], [BLUE]),
        ([(BLUE, DOWN), (GREEN, HEALTHY)], [], [GREEN]),
        ([(BLUE, STARTING), (GREEN, UNKNOWN), (RED, HEALTHY)], [], [RED]),
        ([(BLUE, SUSPECTED), (GREEN, HEALTHY)], [], [GREEN]),
        ([(BLUE, SUSPECTED), (GREEN, DOWN)], [], [BLUE]),  # a group's last usable cluster stays usable
        ([(BLUE, SUSPECTED), (GREEN, SUSPECTED)], [], [BLUE, GREEN]),
        ([(BLUE, HEALTHY), (GREEN, HEALTHY)], [BLUE], [GREEN]),
        ([(BLUE, HEALTHY), (GREEN, SUSPECTED)], [BLUE], [GREEN]),
        ([(BLUE, HEALTHY), (GREEN, HEALTHY)], [RED], [BLUE, GREEN]),
    ],
)
def test_the_usable_clusters_of_the_group_are_candidates(
    members: list[Member], exclude: list[Cluster], chosen: list[Cluster]
) -> None:
    found = candidates(
        TO_ETL,
        roster(etl=members, adhoc=[(cluster("other"), HEALTHY)]),
        policy(),
        exclude=frozenset(each.proxy_to for each in exclude),
    )
    assert found.clusters == tuple(chosen)
    assert found.group == ETL
    assert found.because == "header says etl"


@pytest.mark.parametrize(
    ("members", "exclude", "why"),
    [
        ([], frozenset(), "there is no cluster in it"),
        ([(inactive(BLUE), HEALTHY)], frozenset(), "blue: inactive"),
        ([(inactive(BLUE), DOWN)], frozenset(), "blue: inactive"),
        (
            [(inactive(BLUE), HEALTHY), (GREEN, DOWN)],
            frozenset(),
            "blue: inactive; green: unhealthy, connection refused",
        ),
        ([(BLUE, STARTING), (GREEN, UNKNOWN)], frozenset(), "blue: pending, is starting; green: not checked yet"),
        (
            [(BLUE, HEALTHY), (GREEN, SUSPECTED)],
            ALL_TRIED,
            "blue: tried already; green: tried already, connection refused",
        ),
    ],
)
def test_without_a_usable_cluster_the_default_group_takes_it_and_the_reason_says_why(
    members: list[Member], exclude: frozenset[ClusterUrl], why: str
) -> None:
    other = cluster("other")
    found = candidates(TO_ETL, roster(etl=members, adhoc=[(other, HEALTHY)]), policy(), exclude=exclude)

    assert found.clusters == (other,)
    assert found.group == ADHOC
    assert found.because == (
        f"header says etl; group etl has no usable cluster ({why}), fell back to default group adhoc"
    )


@pytest.mark.parametrize(
    ("decision", "strict", "etl", "adhoc", "says"),
    [
        (
            TO_ETL,
            False,
            [(BLUE, DOWN)],
            [(GREEN, STARTING)],
            (
                "group etl has no usable cluster (blue: unhealthy, connection refused),"
                " nor has default group adhoc (green: pending, is starting)"
            ),
        ),
        (
            TO_ETL,
            True,
            [(BLUE, DOWN)],
            [(GREEN, HEALTHY)],
            "group etl has no usable cluster (blue: unhealthy, connection refused)",
        ),
        (TO_ETL, True, [], [(GREEN, HEALTHY)], "group etl has no usable cluster (there is no cluster in it)"),
        (TO_ADHOC, False, [(BLUE, HEALTHY)], [], "group adhoc has no usable cluster (there is no cluster in it)"),
    ],
)
def test_when_nobody_can_take_it_the_error_says_which_groups_were_tried_and_why(
    decision: Decision, strict: bool, etl: list[Member], adhoc: list[Member], says: str
) -> None:
    with pytest.raises(NoClusterAvailable) as failure:
        candidates(decision, roster(etl, adhoc), policy(strict=strict))
    assert str(failure.value) == says


def test_a_crowded_group_is_explained_by_its_first_clusters() -> None:
    crowd = [(cluster(f"c{n}"), DOWN) for n in range(CLUSTERS_NAMED + 5)]
    with pytest.raises(NoClusterAvailable) as failure:
        candidates(TO_ADHOC, roster(adhoc=crowd), policy())
    assert f"c{CLUSTERS_NAMED - 1}: " in str(failure.value)
    assert f"c{CLUSTERS_NAMED}: " not in str(failure.value)
    assert str(failure.value).endswith("; and 5 more)")


def test_a_hostile_group_name_stays_one_short_line_in_the_error() -> None:
    hostile = Decision(GroupName("\r\n<script>" + "x" * 60_000), "header")
    with pytest.raises(NoClusterAvailable) as failure:
        candidates(hostile, roster(), policy())
    assert str(failure.value).isprintable()
    assert len(str(failure.value)) < 400


@pytest.mark.parametrize(
    ("decision", "strict", "chosen"),
    [
        (Decision(ETL, "", fallback=ADHOC), True, GREEN),
        (Decision(ETL, "", cluster=RED.name), False, RED),
        (Decision(ADHOC, "", cluster=RED.name), True, RED),
        (Decision(ETL, "", cluster=BLUE.name, fallback=ADHOC), True, GREEN),
        (Decision(ETL, "", cluster=BLUE.name, fallback=ETL), False, RED),
        (Decision(ADHOC, "", cluster=ClusterName("gone"), fallback=ADHOC), False, GREEN),
    ],
)
def test_rules_may_name_a_cluster_and_a_group_to_fall_back_to(
    decision: Decision, strict: bool, chosen: Cluster
) -> None:
    etl = [(BLUE, DOWN), (RED, HEALTHY)] if decision.cluster is not None else [(BLUE, DOWN)]
    found = candidates(decision, roster(etl, [(GREEN, HEALTHY)]), policy(strict=strict))
    assert found.clusters == (chosen,)


@pytest.mark.parametrize(
    ("decision", "says"),
    [
        (Decision(ETL, "", fallback=ETL), "group etl has no usable cluster (blue: unhealthy, connection refused)"),
        (
            Decision(ADHOC, "", cluster=BLUE.name),
            "cluster blue is not usable (blue: unhealthy, connection refused)",
        ),
        (Decision(ETL, "", cluster=ClusterName("gone")), "cluster gone is not usable (there is no such cluster)"),
        (
            Decision(ETL, "", fallback=GroupName("night")),
            (
                "group etl has no usable cluster (blue: unhealthy, connection refused),"
                " nor has fall-back group night (there is no cluster in it)"
            ),
        ),
    ],
)
def test_nobody_else_takes_it_than_rules_say(decision: Decision, says: str) -> None:
    with pytest.raises(NoClusterAvailable) as failure:
        candidates(decision, roster([(BLUE, DOWN)], [(GREEN, HEALTHY)]), policy())
    assert str(failure.value) == says
