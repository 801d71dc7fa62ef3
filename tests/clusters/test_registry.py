"""The roster follows the database, survives it, and shows changes at once."""

import asyncio
import gc
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, MutableMapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
import structlog

from tests.fakes.cluster_store import FakeStore
from warren.clusters.registry import MIGRATION_PAUSE_SECONDS, Registry
from warren.clusters.roster import Roster
from warren.clusters.snapshot import Snapshot
from warren.current import Current
from warren.errors import RegistryConflict, StoreUnavailable
from warren.model import Cluster, ClusterName, ClusterUrl, GroupName, Health, HealthStatus

BLUE = Cluster(
    name=ClusterName("blue"),
    proxy_to=ClusterUrl("http://blue:8080"),
    external_url="http://blue:8080",
    group=GroupName("adhoc"),
    active=True,
)
GREEN = replace(BLUE, name=ClusterName("green"), proxy_to=ClusterUrl("http://green:8080"))
HEALTHY = Health(HealthStatus.HEALTHY)
NOON = 1_776_340_800.0


class Sleeper:
    """Time that passes when a test says so; `sleep` is what the registry's loops wait on."""

    def __init__(self) -> None:
        self.now = NOON
        self._waiting: list[tuple[float, asyncio.Event]] = []

    def clock(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        woken = asyncio.Event()
        self._waiting.append((self.now + seconds, woken))
        await woken.wait()

    async def pass_seconds(self, seconds: float) -> None:
        """Step by step, so that a loop which sleeps again is woken again."""
        end = self.now + seconds
        await settled()
        while due := [entry for entry in self._waiting if entry[0] <= end]:
            first = min(due, key=lambda entry: entry[0])
            self._waiting.remove(first)
            self.now = max(self.now, first[0])
            first[1].set()
            await settled()
        self.now = end


async def settled() -> None:
    """Let everything run that can, without threads."""
    for _ in range(20):
        await asyncio.sleep(0)


@dataclass
class Migrations:
    """A migration that fails while there is a reason."""

    because: str = ""
    attempts: int = 0

    async def __call__(self) -> None:
        self.attempts += 1
        if self.because:
            raise StoreUnavailable(self.because)


class SilentStore(FakeStore):
    """Takes changes and never answers."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0

    async def add(self, cluster: Cluster) -> Cluster:
        self.asked += 1
        await asyncio.Event().wait()
        return cluster

    async def delete(self, name: ClusterName) -> bool:
        await self.add(replace(BLUE, name=name))
        return True


@dataclass
class House:
    """A registry and all that it touches."""

    directory: Path
    store: FakeStore = field(default_factory=FakeStore)
    turn_seconds: float = 60.0
    migrations: Migrations | None = None
    roster: Current[Roster] = field(default_factory=lambda: Current(Roster()))
    changed: list[set[str]] = field(default_factory=list)
    time: Sleeper = field(default_factory=Sleeper)

    def __post_init__(self) -> None:
        self.snapshot = Snapshot(self.directory, origin="fake")
        self.registry = self.open()

    def open(self) -> Registry:
        return Registry(
            self.store,
            self.snapshot,
            self.roster,
            lambda names: self.changed.append(set(names)),
            migrate=self.migrations,
            turn_seconds=self.turn_seconds,
            clock=self.time.clock,
            sleep=self.time.sleep,
        )

    @property
    def clusters(self) -> tuple[Cluster, ...]:
        return self.roster.value.clusters

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        async with asyncio.TaskGroup() as group:
            loop = group.create_task(self.registry.run())
            yield
            loop.cancel()


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    house = House(tmp_path)
    yield house
    house.snapshot.close()


def events(logs: list[MutableMapping[str, Any]]) -> list[object]:
    return [entry["event"] for entry in logs]


async def test_a_start_loads_the_table(house: House) -> None:
    house.store.rows = {BLUE.name: BLUE, GREEN.name: GREEN}
    await house.registry.start()
    assert house.clusters == (BLUE, GREEN)
    assert house.roster.value.loaded
    assert house.changed == [{"blue", "green"}]
    state = house.registry.database_state()
    assert (state.reachable, state.error, state.since, state.last_read) == (True, "", NOON, NOON)


async def test_an_empty_table_is_a_loaded_roster(house: House) -> None:
    await house.registry.start()
    assert house.roster.value == Roster(loaded=True)
    assert house.changed == [set()]


async def test_a_start_without_database_takes_the_snapshot_and_says_so(house: House) -> None:
    house.store.rows = {BLUE.name: BLUE}
    await house.registry.start()
    house.store.down = "connection refused"
    house.roster = Current(Roster())
    house.changed.clear()

    with structlog.testing.capture_logs() as logs:
        again = house.open()
        await again.start()

    assert house.clusters == (BLUE,)
    assert house.roster.value.loaded
    assert house.changed == [{"blue"}]
    assert events(logs) == ["database_lost", "roster_from_snapshot"]
    assert logs[1]["saved_at"] == NOON
    assert not again.database_state().reachable
    assert again.database_state().error == "connection refused"
    assert again.database_state().last_read is None


async def test_a_start_without_database_and_snapshot_waits_for_the_database(house: House) -> None:
    house.store.down = "connection refused"
    with structlog.testing.capture_logs() as logs:
        await house.registry.start()
        assert not house.roster.value.loaded
        house.store.down, house.store.rows = "", {BLUE.name: BLUE}
        await house.registry.refresh()
    assert house.clusters == (BLUE,)
    assert events(logs) == ["database_lost", "roster_unknown", "database_back"]


async def test_the_table_is_read_each_second_and_the_roster_swapped_only_when_it_differs(house: House) -> None:
    await house.registry.start()
    async with house.running():
        reads = house.store.reads
        before = house.roster.value
        await house.time.pass_seconds(10)
        assert 9 <= house.store.reads - reads <= 12
        assert house.roster.value is before

        house.store.rows[BLUE.name] = BLUE
        await house.time.pass_seconds(1.2)
        assert house.clusters == (BLUE,)


async def test_health_of_clusters_that_stay_is_kept(house: House) -> None:
    house.store.rows = {BLUE.name: BLUE}
    await house.registry.start()
    house.roster.swap(house.roster.value.with_health(BLUE.name, HEALTHY))
    house.store.rows[GREEN.name] = GREEN
    await house.registry.refresh()
    assert house.roster.value.health_of(BLUE.name) == HEALTHY
    assert house.changed == [{"blue"}, {"green"}]


async def test_every_change_is_told_with_the_names_of_added_and_changed_clusters(house: House) -> None:
    house.store.rows = {BLUE.name: BLUE, GREEN.name: GREEN}
    await house.registry.start()
    house.changed.clear()
    for rows, told in (
        ([replace(BLUE, group=GroupName("etl")), GREEN], [{"blue"}]),
        ([GREEN], [set()]),
        ([GREEN], []),
        ([BLUE, replace(GREEN, active=False)], [{"blue", "green"}]),
    ):
        house.store.rows = {cluster.name: cluster for cluster in rows}
        await house.registry.refresh()
        assert house.clusters == tuple(rows)
        assert house.changed == told
        house.changed.clear()


async def test_a_lost_database_keeps_the_roster_and_is_logged_once_when_it_goes_and_when_it_is_back(
    house: House,
) -> None:
    house.store.rows = {BLUE.name: BLUE}
    await house.registry.start()
    with structlog.testing.capture_logs() as logs:
        house.store.down = "refused"
        house.time.now = NOON + 10
        for error in ("refused", "no answer", "refused"):
            house.store.down = error
            await house.registry.refresh()
            house.time.now += 1
        assert house.clusters == (BLUE,)
        state = house.registry.database_state()
        assert (state.reachable, state.error, state.since, state.last_read) == (False, "refused", NOON + 10, NOON)
        house.store.down = ""
        for _ in range(2):
            await house.registry.refresh()
    assert events(logs) == ["database_lost", "database_back"]
    assert house.registry.database_state().since == NOON + 13


async def test_changes_are_stored_and_used_at_once(house: House) -> None:
    await house.registry.start()
    house.changed.clear()
    registry = house.registry
    off = replace(BLUE, active=False)

    assert await registry.add(GREEN) == GREEN
    assert await registry.add(replace(BLUE, proxy_to=ClusterUrl("http://blue:8080/"))) == BLUE
    assert house.clusters == (BLUE, GREEN)
    assert await registry.set_active(BLUE.name, False) == off
    assert house.clusters == (off, GREEN)
    assert await registry.save(BLUE) == BLUE
    assert house.clusters == (BLUE, GREEN)
    assert house.changed == [{"green"}, {"blue"}, {"blue"}, {"blue"}]

    assert await registry.delete(GREEN.name)
    assert not await registry.delete(GREEN.name)
    assert house.changed[4:] == [set()]
    assert list(house.clusters) == [BLUE]
    assert house.store.rows == {BLUE.name: BLUE}


async def test_when_the_change_is_told_the_roster_has_it(house: House) -> None:
    await house.registry.start()
    seen: list[bool] = []
    registry = Registry(
        house.store,
        house.snapshot,
        house.roster,
        lambda names: seen.extend(house.roster.value.named(name) is not None for name in names),
        migrate=None,
    )
    await registry.add(BLUE)
    assert seen == [True]


async def test_a_conflict_changes_nothing(house: House) -> None:
    house.store.rows = {BLUE.name: BLUE}
    await house.registry.start()
    house.changed.clear()
    with pytest.raises(RegistryConflict):
        await house.registry.add(replace(BLUE, group=GroupName("etl")))
    with pytest.raises(RegistryConflict):
        await house.registry.set_active(GREEN.name, True)
    assert (house.clusters, house.changed) == ((BLUE,), [])


@pytest.mark.parametrize(
    "change",
    [
        lambda registry: registry.add(GREEN),
        lambda registry: registry.save(replace(BLUE, active=False)),
        lambda registry: registry.set_active(BLUE.name, False),
        lambda registry: registry.delete(BLUE.name),
    ],
    ids=["add", "save", "set_active", "delete"],
)
async def test_a_change_without_database_fails_and_changes_nothing(
    house: House, change: Callable[[Registry], Awaitable[object]]
) -> None:
    house.store.rows = {BLUE.name: BLUE}
    await house.registry.start()
    house.store.down = "refused"
    with pytest.raises(StoreUnavailable, match="refused"):
        await change(house.registry)
    assert house.clusters == (BLUE,)


@pytest.mark.parametrize(
    ("change", "after"),
    [
        (lambda registry: registry.add(GREEN), (BLUE, GREEN)),
        (lambda registry: registry.set_active(BLUE.name, False), (replace(BLUE, active=False),)),
        (lambda registry: registry.delete(BLUE.name), ()),
    ],
    ids=["add", "set_active", "delete"],
)
async def test_a_reading_that_began_before_a_change_does_not_undo_it(
    house: House, change: Callable[[Registry], Awaitable[object]], after: tuple[Cluster, ...]
) -> None:
    house.store.rows = {BLUE.name: BLUE}
    await house.registry.start()
    house.store.release = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(house.registry.refresh())
        await settled()  # the reading has seen the old table, and is on its way
        await change(house.registry)
        assert house.clusters == after
        house.store.release.set()
    assert house.clusters == after
    await house.registry.refresh()
    assert house.clusters == after


async def test_a_change_before_the_roster_is_loaded_does_not_make_it_look_whole(house: House) -> None:
    house.store.rows, house.store.down = {BLUE.name: BLUE}, "refused"
    await house.registry.start()
    house.store.down = ""
    await house.registry.add(GREEN)
    assert house.clusters == (BLUE, GREEN)


async def test_a_bad_row_is_logged_once_and_shown(house: House) -> None:
    house.store.bad = ("cluster 'x' is left out: proxyTo is null",)
    with structlog.testing.capture_logs() as logs:
        await house.registry.start()
        await house.registry.refresh()
        house.store.bad += ("cluster 'y' is left out: routingGroup is null",)
        await house.registry.refresh()
    assert [entry["because"] for entry in logs if entry["event"] == "cluster_row_bad"] == list(house.store.bad)
    assert house.registry.database_state().bad_rows == house.store.bad


async def test_the_snapshot_follows_the_roster_and_is_written_only_when_it_differs(house: House) -> None:
    file = house.directory / "roster.json"
    house.store.rows = {BLUE.name: BLUE}
    await house.registry.start()
    first = file.stat().st_ino
    await house.registry.refresh()
    assert file.stat().st_ino == first

    await house.registry.add(GREEN)
    await house.registry.refresh()
    saved = house.snapshot.load()
    assert saved is not None
    assert saved.rows.clusters == (BLUE, GREEN)


async def test_a_snapshot_that_was_just_loaded_is_not_written_again(house: House) -> None:
    house.store.rows = {BLUE.name: BLUE}
    await house.registry.start()
    written = (house.directory / "roster.json").stat().st_ino
    house.store.down, house.roster = "refused", Current(Roster())
    again = house.open()
    await again.start()
    house.store.down = ""
    await again.refresh()
    assert (house.directory / "roster.json").stat().st_ino == written


async def test_a_disk_that_refuses_keeps_nothing_from_working(house: House) -> None:
    blocked = house.directory / "file"
    blocked.touch()
    house.snapshot = Snapshot(blocked / "state", origin="fake")
    registry = house.open()
    house.store.rows = {BLUE.name: BLUE}
    await registry.start()
    assert house.clusters == (BLUE,)


async def test_a_migration_that_had_to_wait_is_tried_again_until_it_is_done(tmp_path: Path) -> None:
    migrations = Migrations(because="refused")
    house = House(tmp_path, migrations=migrations)
    house.store.rows = {BLUE.name: BLUE}
    with structlog.testing.capture_logs() as logs:
        await house.registry.start()
        assert house.registry.database_state().migration_pending
        async with house.running():
            await settled()
            assert house.clusters == (BLUE,), "the rows may be readable all the same"
            await house.time.pass_seconds(3 * MIGRATION_PAUSE_SECONDS)
            assert migrations.attempts == 4
            migrations.because = ""
            await house.time.pass_seconds(10 * MIGRATION_PAUSE_SECONDS)
    assert migrations.attempts == 5
    assert not house.registry.database_state().migration_pending
    assert events(logs).count("migration_waits") == 1
    house.snapshot.close()


async def test_where_migrations_are_forbidden_none_is_pending(house: House) -> None:
    await house.registry.start()
    assert not house.registry.database_state().migration_pending


async def test_changes_asked_for_at_once_are_made_one_after_the_other(house: House) -> None:
    await house.registry.start()
    names = [ClusterName(f"c{number}") for number in range(9)]
    async with asyncio.TaskGroup() as group:
        for name in names:
            group.create_task(house.registry.add(replace(BLUE, name=name)))
            group.create_task(house.registry.set_active(name, False))
    assert [cluster.name for cluster in house.clusters] == names
    assert {cluster.active for cluster in house.clusters} == {False}


async def test_a_caller_who_leaves_does_not_block_later_changes(house: House) -> None:
    await house.registry.start()
    with suppress(TimeoutError):
        async with asyncio.timeout(0):
            await house.registry.add(BLUE)
    await house.registry.save(GREEN)
    await house.registry.refresh()
    assert house.clusters == tuple(house.store.rows[name] for name in sorted(house.store.rows))


@pytest.mark.parametrize(
    "change",
    [lambda registry: registry.add(GREEN), lambda registry: registry.delete(GREEN.name)],
    ids=["add", "delete"],
)
async def test_a_change_waits_for_those_before_it_no_longer_than_for_the_database(
    tmp_path: Path, change: Callable[[Registry], Awaitable[object]]
) -> None:
    store = SilentStore()
    registry = House(tmp_path, store=store, turn_seconds=0.01).registry
    async with asyncio.TaskGroup() as group:
        first = group.create_task(registry.add(BLUE))
        await settled()
        with pytest.raises(StoreUnavailable, match="changes before this one still wait for the database"):
            async with asyncio.timeout(5):
                await change(registry)
        first.cancel()
    assert store.asked == 1, "the second was not begun"


async def test_a_change_whose_caller_leaves_before_its_turn_is_never_begun(tmp_path: Path) -> None:
    store = SilentStore()
    registry = House(tmp_path, store=store).registry
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        async with asyncio.TaskGroup() as group:
            first, second = group.create_task(registry.add(BLUE)), group.create_task(registry.add(GREEN))
            await settled()
            second.cancel()
            await settled()
            first.cancel()
        del second
        gc.collect()
    assert store.asked == 1
    assert [str(each.message) for each in warned if each.category is RuntimeWarning] == [], "such as: never awaited"


async def test_a_start_in_which_nothing_could_be_migrated_takes_the_snapshot_without_another_wait(
    tmp_path: Path,
) -> None:
    house = House(tmp_path)
    house.store.rows = {BLUE.name: BLUE}
    await house.registry.start()
    house.snapshot.close()

    again = House(tmp_path, migrations=Migrations(because="no answer in time"))
    again.store.rows = {GREEN.name: GREEN}
    await again.registry.start()
    assert again.store.reads == 0
    assert again.clusters == (BLUE,)
    assert again.registry.database_state().error == "no answer in time"

    async with again.running():
        await settled()
        assert again.clusters == (GREEN,), "it is read as soon as the instance runs"
    again.snapshot.close()
