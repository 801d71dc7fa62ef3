"""The prober with a clock and a monitor that do what the test says: no test here waits for real time."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from warren.clusters.coordinators import Coordinators
from warren.clusters.health import (
    DROPPED_IN_A_ROW,
    RECHECK_SECONDS,
    SETTLING_SECONDS,
    ProbeCounts,
    Prober,
    Thresholds,
    verdict,
)
from warren.clusters.monitors.monitor import Monitor, Observation
from warren.clusters.monitors.noop import Noop
from warren.clusters.roster import Roster
from warren.current import Current
from warren.model import Cluster, ClusterName, ClusterUrl, CoordinatorId, GroupName, Health, HealthStatus

HEALTHY = Observation(status=HealthStatus.HEALTHY, answered=True)
REFUSED = Observation(status=HealthStatus.UNHEALTHY, reason="connection refused", answered=False)
BROKEN = Observation(status=HealthStatus.UNHEALTHY, reason="answered 500 to GET /v1/info", answered=True)
STARTING = Observation(status=HealthStatus.PENDING, reason="is starting", answered=True)
MINUTE = 60.0
BORN = 1_700_000_000.0
"""What the clock says to people when a test begins."""


class Clock:
    """Stands still until a test moves it. Those who wait look at it whenever the loop comes round."""

    def __init__(self) -> None:
        self.now = 0.0

    def unix(self) -> float:
        return BORN + self.now

    def monotonic(self) -> float:
        return self.now

    async def wait(self, event: asyncio.Event, seconds: float) -> None:
        until = self.now + seconds
        # The time is the test's: no event of the loop tells that it has passed.
        while not event.is_set() and self.now < until:  # noqa: ASYNC110
            await asyncio.sleep(0)


class Trinos:
    """A monitor that sees what the test has set, per URL; None hangs. Counts how often it was asked."""

    def __init__(self) -> None:
        self.sees: dict[str, Observation | None] = {}
        self.asked: list[str] = []
        self.release = asyncio.Event()

    async def check(self, cluster: Cluster) -> Observation:
        url = cluster.proxy_to
        self.asked.append(url)
        seen = self.sees.get(url, HEALTHY)
        if seen is None:
            await self.release.wait()
            seen = self.sees.get(url) or HEALTHY
        return seen


def cluster(name: str, *, url: str | None = None, active: bool = True) -> Cluster:
    return Cluster(
        name=ClusterName(name),
        proxy_to=ClusterUrl(url or f"http://{name}:8080"),
        external_url="",
        group=GroupName("adhoc"),
        active=active,
    )


BLUE, GREEN = cluster("blue"), cluster("green")


class World:
    def __init__(self, *clusters: Cluster, loaded: bool = True) -> None:
        self.clock = Clock()
        self.trinos = Trinos()
        self.coordinators = Coordinators()
        self.roster = Current(Roster(clusters, loaded=loaded))
        self.prober: Prober

    def prober_with(
        self, *, monitor: Monitor | None = None, deadline_seconds: float = 60.0, failure: int = 1, success: int = 1
    ) -> Prober:
        return Prober(
            monitor or self.trinos,
            self.roster,
            self.coordinators,
            self.clock,
            chance=lambda: 0.5,
            interval_seconds=MINUTE,
            deadline_seconds=deadline_seconds,
            thresholds=Thresholds(failure=failure, success=success),
        )

    @asynccontextmanager
    async def probing(
        self, *, monitor: Monitor | None = None, deadline_seconds: float = 60.0, failure: int = 1, success: int = 1
    ) -> AsyncIterator[Prober]:
        prober = self.prober_with(monitor=monitor, deadline_seconds=deadline_seconds, failure=failure, success=success)
        async with asyncio.TaskGroup() as group:
            running = group.create_task(prober.run())
            try:
                await settle()
                yield prober
            finally:
                running.cancel()

    async def pass_time(self, seconds: float) -> None:
        """In steps of a second, so that what is due in between happens in its turn."""
        until = self.clock.now + seconds
        while self.clock.now < until:
            self.clock.now = min(self.clock.now + 1.0, until)
            await settle()

    def health(self, which: Cluster = BLUE) -> Health:
        return self.roster.value.health_of(which.name)

    def status(self, which: Cluster = BLUE) -> HealthStatus:
        return self.health(which).status

    def asked(self, which: Cluster = BLUE) -> int:
        return self.trinos.asked.count(which.proxy_to)


async def settle() -> None:
    """Let everything happen that can happen without time passing."""
    for _ in range(30):
        await asyncio.sleep(0)


async def eventually(true: Callable[[], bool]) -> None:
    """For the one thing that runs on real time: the deadline of a probe."""
    async with asyncio.timeout(5):
        while not true():  # noqa: ASYNC110
            await asyncio.sleep(0)


ONCE, TWICE_EACH = Thresholds(), Thresholds(failure=2, success=2)
H, U, P, N = HealthStatus.HEALTHY, HealthStatus.UNHEALTHY, HealthStatus.PENDING, HealthStatus.UNKNOWN


@pytest.mark.parametrize(
    ("before", "observed", "streak", "thresholds", "after"),
    [
        (N, H, 1, TWICE_EACH, H),  # the first observation decides
        (N, U, 1, TWICE_EACH, U),
        (P, H, 1, TWICE_EACH, H),  # started
        (P, U, 1, TWICE_EACH, U),
        (H, P, 1, TWICE_EACH, P),  # its own word
        (H, U, 1, ONCE, U),
        (U, H, 1, ONCE, H),
        (H, U, 1, TWICE_EACH, H),
        (H, U, 2, TWICE_EACH, U),
        (U, H, 1, TWICE_EACH, U),
        (U, H, 2, TWICE_EACH, H),
        (H, H, 9, TWICE_EACH, H),
        (U, U, 9, TWICE_EACH, U),
        (H, U, 2, Thresholds(failure=3, success=1), H),
    ],
)
def test_verdict(
    before: HealthStatus, observed: HealthStatus, streak: int, thresholds: Thresholds, after: HealthStatus
) -> None:
    assert verdict(before, observed, streak, thresholds) is after


async def test_every_cluster_is_probed_at_once_and_again_after_the_interval() -> None:
    world = World(BLUE, replace(GREEN, active=False))
    world.trinos.sees[GREEN.proxy_to] = REFUSED
    async with world.probing():
        assert world.health(BLUE) == Health(HealthStatus.HEALTHY, "", BORN)
        assert world.health(GREEN) == Health(HealthStatus.UNHEALTHY, "connection refused", BORN)

        await world.pass_time(MINUTE - 1)
        assert world.asked(BLUE) == 1
        await world.pass_time(1)
        assert world.asked(BLUE) == 2


async def test_a_cluster_that_hangs_delays_nobody_else() -> None:
    world = World(BLUE, GREEN)
    world.trinos.sees[BLUE.proxy_to] = None
    async with world.probing():
        await world.pass_time(3 * MINUTE)
        assert world.asked(GREEN) == 4
        assert world.status(GREEN) is HealthStatus.HEALTHY
        assert world.status(BLUE) is HealthStatus.UNKNOWN


async def test_a_probe_ends_at_its_deadline() -> None:
    world = World(BLUE)
    world.trinos.sees[BLUE.proxy_to] = None
    async with world.probing(deadline_seconds=0.01):
        await eventually(lambda: world.status() is HealthStatus.UNHEALTHY)
    assert world.health().reason == "gave no answer within 0.01 seconds"


async def test_probes_and_those_that_found_a_cluster_not_well_are_counted() -> None:
    world = World(BLUE)
    async with world.probing() as prober:
        assert prober.probes() == {BLUE.name: ProbeCounts(1, 0)}
        world.trinos.sees[BLUE.proxy_to] = STARTING
        await world.pass_time(MINUTE)
        assert prober.probes() == {BLUE.name: ProbeCounts(2, 1)}


async def test_a_cluster_that_is_not_well_is_asked_again_soon() -> None:
    world = World(BLUE)
    world.trinos.sees[BLUE.proxy_to] = STARTING
    async with world.probing():
        assert world.health() == Health(HealthStatus.PENDING, "is starting", BORN)

        world.trinos.sees[BLUE.proxy_to] = HEALTHY
        await world.pass_time(RECHECK_SECONDS)
        assert world.health() == Health(HealthStatus.HEALTHY, "", BORN + RECHECK_SECONDS)


@pytest.mark.parametrize("away", [STARTING, REFUSED], ids=["starting", "refused"])
async def test_a_coordinator_that_was_started_again_gets_time_to_find_its_nodes(away: Observation) -> None:
    """Trino 476 says `"starting":false` some seconds before it knows its nodes, and fails what it takes in between."""
    world = World(BLUE)
    async with world.probing():
        world.trinos.sees[BLUE.proxy_to] = away
        await world.pass_time(MINUTE)
        world.trinos.sees[BLUE.proxy_to] = replace(HEALTHY, uptime=10.0)
        await world.pass_time(RECHECK_SECONDS)
        assert world.health().status is HealthStatus.PENDING
        assert world.health().reason == "has just started and may not know its nodes yet"

        await world.pass_time(SETTLING_SECONDS)
        assert world.status() is HealthStatus.HEALTHY


@pytest.mark.parametrize("uptime", [None, 3600.0])
async def test_a_cluster_that_was_only_out_of_reach_is_used_again_at_once(uptime: float | None) -> None:
    world = World(BLUE)
    async with world.probing():
        world.trinos.sees[BLUE.proxy_to] = REFUSED
        await world.pass_time(MINUTE)
        world.trinos.sees[BLUE.proxy_to] = replace(HEALTHY, uptime=uptime)
        await world.pass_time(RECHECK_SECONDS)
        assert world.status() is HealthStatus.HEALTHY


async def test_a_young_cluster_that_was_never_seen_away_is_used_at_once() -> None:
    world = World(BLUE)
    world.trinos.sees[BLUE.proxy_to] = replace(HEALTHY, uptime=1.0)
    async with world.probing():
        assert world.status() is HealthStatus.HEALTHY


async def test_one_bad_probe_below_the_threshold_changes_nothing_but_the_pace() -> None:
    world = World(BLUE)
    async with world.probing(failure=2, success=2):
        world.trinos.sees[BLUE.proxy_to] = BROKEN
        await world.pass_time(MINUTE)
        assert world.health() == Health(HealthStatus.HEALTHY, "", BORN)

        await world.pass_time(RECHECK_SECONDS)
        assert world.health() == Health(HealthStatus.UNHEALTHY, BROKEN.reason, BORN + MINUTE + RECHECK_SECONDS)

        world.trinos.sees[BLUE.proxy_to] = HEALTHY
        await world.pass_time(RECHECK_SECONDS)
        assert world.status() is HealthStatus.UNHEALTHY
        await world.pass_time(RECHECK_SECONDS)
        assert world.status() is HealthStatus.HEALTHY


async def test_bad_probes_with_a_good_one_between_them_do_not_add_up() -> None:
    world = World(BLUE)
    async with world.probing(failure=2):
        for observation in (BROKEN, HEALTHY, BROKEN, HEALTHY):
            world.trinos.sees[BLUE.proxy_to] = observation
            await world.pass_time(MINUTE)
            world.trinos.sees[BLUE.proxy_to] = HEALTHY
            await world.pass_time(RECHECK_SECONDS)
            assert world.status() is HealthStatus.HEALTHY


async def test_the_last_error_is_kept_up_to_date_and_the_time_of_the_change_stays() -> None:
    world = World(BLUE)
    world.trinos.sees[BLUE.proxy_to] = REFUSED
    async with world.probing():
        world.trinos.sees[BLUE.proxy_to] = BROKEN
        await world.pass_time(RECHECK_SECONDS)
        assert world.health() == Health(HealthStatus.UNHEALTHY, BROKEN.reason, BORN)


async def test_a_new_cluster_is_probed_when_it_is_announced_and_a_removed_one_no_longer() -> None:
    world = World(BLUE)
    async with world.probing() as prober:
        world.roster.swap(world.roster.value.with_clusters([GREEN]))
        prober.probe_now(["green"])
        await settle()
        assert world.status(GREEN) is HealthStatus.HEALTHY

        await world.pass_time(2 * MINUTE)
        assert world.asked(BLUE) == 1


async def test_changes_that_nobody_announced_are_seen_within_a_second() -> None:
    world = World()
    async with world.probing():
        world.roster.swap(world.roster.value.with_clusters([BLUE]))
        await world.pass_time(1)
        assert world.status() is HealthStatus.HEALTHY


async def test_a_cluster_that_moved_is_judged_anew() -> None:
    moved = cluster("blue", url="http://elsewhere:8080")
    world = World(BLUE)
    async with world.probing(failure=5) as prober:
        world.trinos.sees[moved.proxy_to] = REFUSED
        world.roster.swap(world.roster.value.with_clusters([moved]))
        assert world.status() is HealthStatus.UNKNOWN
        prober.probe_now(["blue"])
        await settle()
        assert world.status() is HealthStatus.UNHEALTHY


@pytest.mark.parametrize("change", [[], [cluster("blue", url="http://elsewhere:8080")]], ids=["removed", "moved"])
async def test_an_observation_that_began_before_a_change_is_dropped(change: list[Cluster]) -> None:
    world = World(BLUE)
    world.trinos.sees[BLUE.proxy_to] = None
    world.trinos.sees["http://elsewhere:8080"] = REFUSED
    async with world.probing() as prober:
        changed = world.roster.value.with_clusters(change)
        world.roster.swap(changed)
        world.trinos.sees[BLUE.proxy_to] = Observation(
            status=HealthStatus.HEALTHY, coordinator_id=CoordinatorId("6b4yt"), answered=True
        )
        world.trinos.release.set()
        await settle()
        assert world.roster.value is changed
        assert world.coordinators.owner(CoordinatorId("6b4yt")) is None

        prober.probe_now()
        await settle()
        assert world.status() is (HealthStatus.UNHEALTHY if change else HealthStatus.UNKNOWN)


async def test_a_change_that_is_not_the_address_keeps_health_and_probes_at_once() -> None:
    world = World(replace(BLUE, active=False))
    async with world.probing() as prober:
        await world.pass_time(10)
        world.roster.swap(world.roster.value.with_clusters([BLUE]))
        assert world.status() is HealthStatus.HEALTHY
        prober.probe_now(["blue", "a name that nobody has"])
        await settle()
        assert world.asked() == 2


async def test_what_other_rooms_swap_into_the_roster_is_kept() -> None:
    world = World(BLUE)
    world.trinos.sees[BLUE.proxy_to] = None
    async with world.probing():
        world.roster.swap(world.roster.value.with_clusters([BLUE, GREEN]))
        world.trinos.release.set()
        await settle()
    assert world.roster.value.clusters == (BLUE, GREEN)
    assert world.status() is HealthStatus.HEALTHY


async def test_a_suspected_cluster_is_probed_at_once_and_trusted_when_it_answers() -> None:
    world = World(BLUE)
    async with world.probing() as prober:
        await world.pass_time(10)
        prober.suspect(BLUE.proxy_to, "connection refused")
        assert world.health() == Health(HealthStatus.HEALTHY, "", BORN, "connection refused")

        await settle()
        assert world.asked() == 2
        assert world.health() == Health(HealthStatus.HEALTHY, "", BORN)


async def test_a_suspected_cluster_that_does_not_answer_stays_suspected_below_the_threshold() -> None:
    world = World(BLUE)
    async with world.probing(failure=3) as prober:
        await world.pass_time(10)
        world.trinos.sees[BLUE.proxy_to] = REFUSED
        prober.suspect(BLUE.proxy_to, "connection refused")
        await settle()
        assert world.health() == Health(HealthStatus.HEALTHY, "", BORN, "connection refused")

        world.trinos.sees[BLUE.proxy_to] = HEALTHY
        await world.pass_time(RECHECK_SECONDS)
        assert world.health() == Health(HealthStatus.HEALTHY, "", BORN)


async def test_a_probe_that_was_under_way_does_not_answer_a_suspicion() -> None:
    world = World(BLUE)
    world.trinos.sees[BLUE.proxy_to] = None
    async with world.probing() as prober:
        prober.suspect(BLUE.proxy_to, "connection refused")
        world.trinos.release.set()
        await settle()
        assert world.asked() == 1
        assert world.health().suspicion == "connection refused"

        await world.pass_time(1)
        assert world.asked() == 2
        assert world.health() == Health(HealthStatus.HEALTHY, "", BORN)


async def test_a_flood_of_suspicions_is_no_flood_of_probes_nor_of_log_lines() -> None:
    world = World(BLUE)
    async with world.probing() as prober:
        await world.pass_time(10)
        world.trinos.sees[BLUE.proxy_to] = REFUSED
        with capture_logs() as lines:
            for _ in range(10):
                for _ in range(100):
                    prober.suspect(BLUE.proxy_to, "connection refused")
                await world.pass_time(0.1)
        assert world.asked() == 2
    assert [line["event"] for line in lines] == ["cluster_suspected", "cluster_health_changed"]


async def test_a_cluster_that_answers_every_probe_is_asked_once_a_second_however_often_it_is_suspected() -> None:
    world = World(BLUE)
    async with world.probing() as prober:
        for _ in range(50):
            prober.suspect(BLUE.proxy_to, "no answer to a statement")
            await world.pass_time(0.1)
        assert 4 <= world.asked() <= 6


async def test_all_clusters_at_a_suspected_address_are_suspected() -> None:
    twin = cluster("twin", url=BLUE.proxy_to)
    world = World(BLUE, GREEN, twin)
    world.prober_with().suspect(BLUE.proxy_to, "connection refused")

    assert [world.health(each).suspicion for each in (BLUE, GREEN, twin)] == [
        "connection refused",
        "",
        "connection refused",
    ]


def test_a_suspicion_about_an_address_that_no_cluster_has_is_ignored() -> None:
    world = World(BLUE)
    before = world.roster.value
    world.prober_with().suspect(ClusterUrl("http://evil.example"), "connection refused")
    assert world.roster.value is before


async def test_where_nobody_is_asked_a_suspicion_ends_by_its_age() -> None:
    world = World(BLUE)
    async with world.probing(monitor=Noop()) as prober:
        await world.pass_time(10)
        prober.suspect(BLUE.proxy_to, "connection refused")
        await settle()
        await world.pass_time(RECHECK_SECONDS - 1)
        assert world.health().suspicion == "connection refused"
        await world.pass_time(1)
        assert world.health() == Health(HealthStatus.HEALTHY, "", BORN)


async def test_every_transition_is_one_line_and_a_probe_is_none() -> None:
    world = World(BLUE)
    with capture_logs() as lines:
        async with world.probing():
            await world.pass_time(5 * MINUTE)
            world.trinos.sees[BLUE.proxy_to] = REFUSED
            await world.pass_time(5 * MINUTE)
            world.trinos.sees[BLUE.proxy_to] = HEALTHY
            await world.pass_time(5 * MINUTE)
    told = [(line["event"], line["cluster"], line["before"], line["after"], line["log_level"]) for line in lines]
    assert told == [
        ("cluster_health_changed", "blue", "UNKNOWN", "HEALTHY", "info"),
        ("cluster_health_changed", "blue", "HEALTHY", "UNHEALTHY", "warning"),
        ("cluster_health_changed", "blue", "UNHEALTHY", "HEALTHY", "info"),
    ]
    assert lines[1]["reason"] == "connection refused"


async def test_a_monitor_with_a_bug_harms_one_cluster_and_is_asked_again() -> None:
    class Buggy(Trinos):
        async def check(self, cluster: Cluster) -> Observation:
            if cluster == BLUE:
                raise LookupError("a bug")
            return await super().check(cluster)

    world = World(BLUE, GREEN)
    with capture_logs() as lines:
        async with world.probing(monitor=Buggy()):
            assert world.status(GREEN) is HealthStatus.HEALTHY
            assert world.status(BLUE) is HealthStatus.UNKNOWN
    assert ("background_loop_failed", "probe blue") in [(line["event"], line.get("loop")) for line in lines]


async def test_the_first_round_is_done_when_every_cluster_was_observed() -> None:
    world = World(BLUE, GREEN)
    world.trinos.sees[GREEN.proxy_to] = None
    async with world.probing() as prober:
        prober.suspect(GREEN.proxy_to, "connection refused")
        assert not prober.first_round_done.is_set()
        world.trinos.release.set()
        await settle()
        assert prober.first_round_done.is_set()


async def test_the_first_round_is_not_done_before_the_roster_is_loaded() -> None:
    world = World(loaded=False)
    async with world.probing() as prober:
        assert not prober.first_round_done.is_set()
        world.roster.swap(world.roster.value.with_clusters([]))
        prober.probe_now()
        await settle()
        assert prober.first_round_done.is_set()


async def test_coordinator_ids_are_learned_and_forgotten_with_their_cluster() -> None:
    coordinator_id = CoordinatorId("6b4yt")
    world = World(BLUE)
    world.trinos.sees[BLUE.proxy_to] = replace(STARTING, coordinator_id=coordinator_id)
    async with world.probing() as prober:
        assert world.coordinators.owner(coordinator_id) == BLUE.proxy_to

        world.roster.swap(world.roster.value.with_clusters([GREEN]))
        prober.probe_now()
        await settle()
        assert world.coordinators.owner(coordinator_id) is None


async def test_it_is_known_for_how_long_a_cluster_has_been_unreachable() -> None:
    world = World(BLUE, GREEN)
    world.trinos.sees = {BLUE.proxy_to: REFUSED, GREEN.proxy_to: BROKEN}
    async with world.probing() as prober:
        await world.pass_time(10 * MINUTE)
        assert prober.unreachable_for(BLUE.proxy_to, world.clock.monotonic()) == 10 * MINUTE
        assert prober.unreachable_for(GREEN.proxy_to, world.clock.monotonic()) == 0.0, "it answers, badly"
        assert prober.unreachable_for(ClusterUrl("http://never.asked"), world.clock.monotonic()) == 0.0

        world.trinos.sees[BLUE.proxy_to] = BROKEN
        await world.pass_time(RECHECK_SECONDS)
        assert prober.unreachable_for(BLUE.proxy_to, world.clock.monotonic()) == 0.0


async def test_a_cluster_that_comes_back_after_its_removal_starts_anew() -> None:
    world = World(BLUE)
    world.trinos.sees[BLUE.proxy_to] = REFUSED
    async with world.probing() as prober:
        await world.pass_time(MINUTE)
        world.roster.swap(world.roster.value.with_clusters([]))
        await world.pass_time(2)
        world.roster.swap(world.roster.value.with_clusters([BLUE]))
        await world.pass_time(1)
        assert prober.unreachable_for(BLUE.proxy_to, world.clock.monotonic()) == 0.0


class Standstill(Trinos):
    """While a cluster is asked the process stands still, so that the deadline is over before its answer is seen."""

    def __init__(self, clock: Clock, *, times: int, is_noticed_late: bool) -> None:
        super().__init__()
        self._clock = clock
        self._times = times
        self._is_noticed_late = is_noticed_late

    async def check(self, cluster: Cluster) -> Observation:
        if self._times > 0:
            self._times -= 1
            self.asked.append(cluster.proxy_to)
            self._clock.now += 7
            if not self._is_noticed_late:
                await settle()
            return REFUSED
        return await super().check(cluster)


@pytest.mark.parametrize("is_noticed_late", [True, False])
async def test_a_silence_while_this_process_stood_still_is_no_sign_and_the_probe_is_repeated_at_once(
    is_noticed_late: bool,
) -> None:
    world = World(BLUE)
    with capture_logs() as lines:
        async with world.probing(monitor=Standstill(world.clock, times=1, is_noticed_late=is_noticed_late)):
            await settle()
    assert world.status() is HealthStatus.HEALTHY
    assert [line["event"] for line in lines] == ["probe_repeated", "cluster_health_changed"]


async def test_a_process_that_stands_still_ever_and_again_believes_its_probes_all_the_same() -> None:
    world = World(BLUE)
    monitor = Standstill(world.clock, times=10**6, is_noticed_late=True)
    async with world.probing(monitor=monitor):
        assert world.status() is HealthStatus.UNHEALTHY
    assert len(monitor.asked) == DROPPED_IN_A_ROW + 1


async def test_an_answer_counts_although_this_process_stood_still() -> None:
    class Late(Trinos):
        async def check(self, cluster: Cluster) -> Observation:
            world.clock.now += 7
            self.asked.append(cluster.proxy_to)
            return BROKEN

    world = World(BLUE)
    monitor = Late()
    async with world.probing(monitor=monitor):
        assert world.status() is HealthStatus.UNHEALTHY
        assert len(monitor.asked) == 1
