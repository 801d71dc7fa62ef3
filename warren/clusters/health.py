"""Keeps the roster's health true: one loop per cluster asks how it is, so that none waits for another."""

import asyncio
import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace

import structlog

from warren.clusters.clock import Clock
from warren.clusters.coordinators import Coordinators
from warren.clusters.monitors.monitor import Monitor, Observation
from warren.clusters.roster import Roster
from warren.current import Current
from warren.model import Cluster, ClusterName, ClusterUrl, Health, HealthStatus
from warren.tasks import supervised

log = structlog.get_logger()

RECHECK_SECONDS = 5.0
"""A cluster that is not well is asked again after this time, however long the interval: it should not wait for queries
longer than they wait for it."""

BETWEEN_PROBES_SECONDS = 1.0
"""However much goes wrong with a cluster, the beginnings of two probes of it are this far apart."""

SETTLING_SECONDS = 5.0
"""A coordinator that was started again gets statements when it has said for so long that it is well: Trino looks for its
nodes every five seconds."""

NEW_SECONDS = 60.0
"""Up to this age a coordinator that was away was started again; an older one was only out of reach."""

ROSTER_SECONDS = 1.0
"""How often the roster is looked at for clusters that came or went unannounced."""

BEAT_SECONDS = 0.25
"""How often the prober looks whether its own process still runs."""
STANDSTILL_SECONDS = 0.5
"""When a beat is this late, the process stood still: stopped, paused with its machine, or blocked by itself."""
DROPPED_IN_A_ROW = 2
"""A process that stands still ever and again must believe its probes some time, or would never see a cluster die."""

_DECIDES_AT_ONCE = frozenset({HealthStatus.PENDING, HealthStatus.UNKNOWN})


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """How many observations in a row it takes to change a verdict."""

    failure: int = 1
    success: int = 1


def verdict(before: HealthStatus, observed: HealthStatus, streak: int, thresholds: Thresholds) -> HealthStatus:
    """The status after the same observation was made `streak` times in a row.

    Where nothing is known yet the first observation decides, and a cluster that says it is starting is believed.
    """
    if before in _DECIDES_AT_ONCE or observed in _DECIDES_AT_ONCE:
        return observed
    needed = thresholds.success if observed is HealthStatus.HEALTHY else thresholds.failure
    return observed if streak >= needed else before


@dataclass(frozen=True, slots=True)
class ProbeCounts:
    """Probes of one cluster, and how many of them found it not well. Those that were not believed do not count."""

    made: int
    failed: int


class _Watch:
    """What the prober keeps of one cluster at one URL."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.wake = asyncio.Event()
        """Set when something happened since the last probe began."""
        self.task: asyncio.Task[None] | None = None
        self.observed: HealthStatus | None = None
        self.streak = 0
        self.probes = 0
        self.failed = 0
        """Probes after which it was not well."""
        self.suspected_at = 0.0
        self.dropped = 0
        """Observations not believed since the last one that was."""
        self.was_away = False
        """It was silent or starting, and has not been well for SETTLING_SECONDS since."""
        self.well_since: float | None = None
        """When it was first seen well after that."""

    def count(self, observed: HealthStatus) -> None:
        self.streak = self.streak + 1 if observed is self.observed else 1
        self.observed = observed
        self.probes += 1
        self.failed += observed is not HealthStatus.HEALTHY


class Prober:
    """Probes every cluster, active or not, and swaps the roster when what it knows of one changes."""

    def __init__(
        self,
        monitor: Monitor,
        roster: Current[Roster],
        coordinators: Coordinators,
        clock: Clock,
        *,
        chance: Callable[[], float],
        interval_seconds: float,
        deadline_seconds: float,
        thresholds: Thresholds,
    ) -> None:
        """`chance` answers a number from 0 to 1: it spreads the probes of all instances over time."""
        self._monitor = monitor
        self._roster = roster
        self._coordinators = coordinators
        self._clock = clock
        self._chance = chance
        self._interval_seconds = interval_seconds
        self._deadline_seconds = deadline_seconds
        self._thresholds = thresholds
        self._watches: dict[ClusterName, _Watch] = {}
        self._silent_since: dict[ClusterUrl, float] = {}
        self._changed = asyncio.Event()
        self._last_beat = self._last_standstill = -math.inf
        self.first_round_done = asyncio.Event()
        """Set once the roster is loaded and each of its clusters was observed."""

    async def run(self) -> None:
        """Watch the clusters of the roster as they come and go, until cancelled."""
        self._watches.clear()
        async with asyncio.TaskGroup() as loops:
            loops.create_task(self._beat())
            while True:
                self._changed.clear()
                self._follow_roster(loops)
                await self._clock.wait(self._changed, ROSTER_SECONDS)

    def probe_now(self, names: Collection[str] = ()) -> None:
        """The roster has changed: see who came and went, and ask these clusters at once."""
        for name in names:
            if watch := self._watches.get(ClusterName(name)):
                watch.wake.set()
        self._changed.set()

    def suspect(self, url: ClusterUrl, reason: str) -> None:
        """A connection there was refused or silent: probe at once, and prefer others until the cluster answers.

        Cheap when it is under suspicion already; a URL that no cluster has is ignored.
        """
        roster = self._roster.value
        known = roster.by_url.get(url)
        if known is None or roster.health_of(known.name).suspicion:
            return
        for cluster in roster.clusters:
            if cluster.proxy_to == url:
                roster = roster.with_health(cluster.name, replace(roster.health_of(cluster.name), suspicion=reason))
                log.warning("cluster_suspected", cluster=cluster.name, reason=reason)
                if watch := self._watches.get(cluster.name):
                    watch.suspected_at = self._clock.monotonic()
                    watch.wake.set()
        self._roster.swap(roster)

    def unreachable_for(self, url: ClusterUrl, now: float) -> float:
        """Seconds for which probes have had no answer from there; 0.0 when the last one had, or none was made.

        `now` is the clock's monotonic time.
        """
        return now - self._silent_since.get(url, now)

    def probes(self) -> Mapping[ClusterName, ProbeCounts]:
        """How each cluster has been probed since it came, or moved to another URL."""
        return {name: ProbeCounts(watch.probes, watch.failed) for name, watch in self._watches.items()}

    def _follow_roster(self, loops: asyncio.TaskGroup) -> None:
        roster = self._roster.value
        wanted = {cluster.name: cluster for cluster in roster.clusters}
        for name, watch in list(self._watches.items()):
            if not _is_same(watch.cluster, wanted.get(name)):
                del self._watches[name]
                if watch.task is not None:
                    watch.task.cancel()
        for cluster in roster.clusters:
            if (watching := self._watches.get(cluster.name)) is not None:
                watching.cluster = cluster
            else:
                self._start(_Watch(cluster), loops)
        self._coordinators.keep_only(roster.by_url.keys())
        self._silent_since = _only(self._silent_since, roster.by_url.keys())
        self._note_first_round()

    def _start(self, watch: _Watch, loops: asyncio.TaskGroup) -> None:
        name = watch.cluster.name
        self._watches[name] = watch
        watch.task = loops.create_task(supervised(lambda: self._watch(watch), name=f"probe {name}"))

    async def _watch(self, watch: _Watch) -> None:
        while True:
            began = self._clock.monotonic()
            watch.wake.clear()
            observation = await self._observe(watch.cluster)
            if self._is_own_fault(watch, observation, began):
                watch.dropped += 1
                log.info("probe_repeated", cluster=watch.cluster.name, because="this process stood still meanwhile")
            else:
                watch.dropped = 0
                self._take(watch, observation)
                await self._clock.wait(watch.wake, self._pause_seconds(watch))
            rest = began + BETWEEN_PROBES_SECONDS - self._clock.monotonic()
            await self._clock.wait(asyncio.Event(), rest)

    async def _observe(self, cluster: Cluster) -> Observation:
        try:
            async with asyncio.timeout(self._deadline_seconds):
                return await self._monitor.check(cluster)
        except TimeoutError:
            reason = f"gave no answer within {self._deadline_seconds:g} seconds"
            return Observation(status=HealthStatus.UNHEALTHY, reason=reason, answered=False)

    async def _beat(self) -> None:
        """Notes when this process stood still: an answer, and the deadline for it, may both have come in that time."""
        while True:
            self._last_beat = self._clock.monotonic()
            await self._clock.wait(asyncio.Event(), BEAT_SECONDS)
            now = self._clock.monotonic()
            if now - self._last_beat > BEAT_SECONDS + STANDSTILL_SECONDS:
                self._last_standstill = now

    def _is_own_fault(self, watch: _Watch, observation: Observation, began: float) -> bool:
        """Is a silence since `began` no sign of the cluster, because this process stood still in that time?"""
        if observation.answered or observation.status is HealthStatus.HEALTHY or watch.dropped >= DROPPED_IN_A_ROW:
            return False
        # After a standstill the deadline of the probe may be noticed before the beat is.
        silent_seconds = self._clock.monotonic() - max(began, self._last_beat)
        return self._last_standstill > began or silent_seconds > BEAT_SECONDS + STANDSTILL_SECONDS

    def _pause_seconds(self, watch: _Watch) -> float:
        health = self._roster.value.health_of(watch.cluster.name)
        statuses = {health.status, watch.observed}
        is_well = statuses == {HealthStatus.HEALTHY} and not health.suspicion
        pause = self._interval_seconds if is_well else min(self._interval_seconds, RECHECK_SECONDS)
        return pause * (0.9 + 0.2 * self._chance())

    def _take(self, watch: _Watch, observation: Observation) -> None:
        """Put what was observed into the roster, unless the cluster has changed since the probe began."""
        roster = self._roster.value
        cluster = watch.cluster
        if not _is_same(cluster, roster.named(cluster.name)):
            return
        observation = self._settled(watch, observation)
        watch.count(observation.status)
        self._note_silence(cluster.proxy_to, observation)
        if observation.coordinator_id is not None:
            self._coordinators.learn(observation.coordinator_id, cluster.proxy_to)
        before = roster.health_of(cluster.name)
        after = self._health_after(before, watch, observation)
        if after != before:
            self._roster.swap(roster.with_health(cluster.name, after))
            _tell(cluster.name, before, after)
        self._note_first_round()

    def _settled(self, watch: _Watch, observation: Observation) -> Observation:
        """The observation, or PENDING for one of a coordinator that has just been started again.

        Trino says that it has started some seconds before it knows its own nodes; a statement that it takes in between
        fails with "No nodes available to run query" (seen on 476).
        """
        if not observation.answered or observation.status is HealthStatus.PENDING:
            watch.was_away, watch.well_since = watch.was_away or observation.status is not HealthStatus.HEALTHY, None
        if observation.status is not HealthStatus.HEALTHY or not watch.was_away:
            return observation
        now = self._clock.monotonic()
        watch.well_since = now if watch.well_since is None else watch.well_since
        is_new = observation.uptime is not None and observation.uptime < NEW_SECONDS
        if is_new and now - watch.well_since < SETTLING_SECONDS:
            return replace(
                observation, status=HealthStatus.PENDING, reason="has just started and may not know its nodes yet"
            )
        watch.was_away = False
        return observation

    def _health_after(self, before: Health, watch: _Watch, observation: Observation) -> Health:
        status = verdict(before.status, observation.status, watch.streak, self._thresholds)
        return Health(
            status,
            observation.reason if status is observation.status else before.reason,
            before.since if status is before.status else self._clock.unix(),
            "" if self._clears(watch, observation) else before.suspicion,
        )

    def _clears(self, watch: _Watch, observation: Observation) -> bool:
        """Does this observation end a suspicion?"""
        # A suspicion that arose while the probe was under way is not answered by it; the next one begins at once.
        if observation.status is not HealthStatus.HEALTHY or watch.wake.is_set():
            return False
        # A monitor that does not ask can answer nothing: then the suspicion ends by its age.
        return observation.answered or self._clock.monotonic() - watch.suspected_at >= RECHECK_SECONDS

    def _note_silence(self, url: ClusterUrl, observation: Observation) -> None:
        if observation.answered or observation.status is HealthStatus.HEALTHY:
            self._silent_since.pop(url, None)
        else:
            self._silent_since.setdefault(url, self._clock.monotonic())

    def _note_first_round(self) -> None:
        watches = [self._watches.get(cluster.name) for cluster in self._roster.value.clusters]
        if self._roster.value.loaded and all(watch is not None and watch.observed is not None for watch in watches):
            self.first_round_done.set()


def _is_same(cluster: Cluster, now: Cluster | None) -> bool:
    """Is the cluster of this name still at the same URL? Its health is that of the URL, whatever else has changed."""
    return now is not None and now.proxy_to == cluster.proxy_to


def _only(since: Mapping[ClusterUrl, float], urls: Collection[ClusterUrl]) -> dict[ClusterUrl, float]:
    return {url: moment for url, moment in since.items() if url in urls}


def _tell(name: ClusterName, before: Health, after: Health) -> None:
    """One line for a transition, none when only the words have changed."""
    if after.status is not before.status:
        say = log.warning if after.status is HealthStatus.UNHEALTHY else log.info
        say(
            "cluster_health_changed",
            cluster=name,
            before=before.status.value,
            after=after.status.value,
            reason=after.reason,
        )
    elif before.suspicion and not after.suspicion:
        log.info("cluster_no_longer_suspected", cluster=name)
