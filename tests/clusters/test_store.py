"""One contract for the table of clusters, run against the fake and against each real database."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from tests.fakes.cluster_store import FakeStore
from warren.clusters.registry import Clusters
from warren.clusters.store import ClusterStore, Rows, rows_of
from warren.drivers.sql import Database
from warren.errors import RegistryConflict, StoreUnavailable
from warren.model import Cluster, ClusterName, ClusterUrl, GroupName
from warren.settings.stores.jdbc import DatabaseUrl

BLUE = Cluster(
    name=ClusterName("blue"),
    proxy_to=ClusterUrl("http://blue:8080"),
    external_url="https://blue.example.com",
    group=GroupName("adhoc"),
    active=True,
)
GREEN = replace(BLUE, name=ClusterName("green"), proxy_to=ClusterUrl("https://green:8443/trino"), active=False)
AWKWARD = replace(
    BLUE, name=ClusterName("o'brien; DROP TABLE gateway_backend --"), group=GroupName('a "b" :name %s \\ ü 表')
)
ROW = {
    "name": "blue",
    "routing_group": "adhoc",
    "backend_url": "http://blue:8080",
    "external_url": "https://blue.example.com",
    "active": True,
}
REAL = [
    "sqlite",
    pytest.param("postgres", marks=pytest.mark.slow),
    pytest.param("mariadb", marks=pytest.mark.slow),
]


def url_for(request: pytest.FixtureRequest) -> DatabaseUrl:
    found: DatabaseUrl = request.getfixturevalue(f"{request.param}_url")
    return found


@pytest.fixture(params=REAL)
def url(request: pytest.FixtureRequest) -> DatabaseUrl:
    return url_for(request)


@pytest.fixture
async def database(url: DatabaseUrl) -> AsyncIterator[Database]:
    async with migrated(url) as database:
        yield database


@asynccontextmanager
async def migrated(url: DatabaseUrl) -> AsyncIterator[Database]:
    database = Database(url, deadline=20.0)
    try:
        await database.migrate()
        yield database
    finally:
        await database.close()


@pytest.fixture(params=["fake", *REAL])
def maybe_url(request: pytest.FixtureRequest) -> DatabaseUrl | None:
    return None if request.param == "fake" else url_for(request)


@pytest.fixture
async def store(maybe_url: DatabaseUrl | None) -> AsyncIterator[Clusters]:
    if maybe_url is None:
        yield FakeStore()
    else:
        async with migrated(maybe_url) as database:
            yield ClusterStore(database)


async def test_a_new_table_is_empty(store: Clusters) -> None:
    assert await store.read() == Rows()


async def test_what_was_added_is_read_back_sorted_by_name(store: Clusters) -> None:
    for cluster in (GREEN, AWKWARD, BLUE):
        assert await store.add(cluster) == cluster
    assert await store.read() == Rows((BLUE, GREEN, AWKWARD))


async def test_a_name_that_is_taken_is_a_conflict_and_changes_nothing(store: Clusters) -> None:
    await store.add(BLUE)
    with pytest.raises(RegistryConflict, match="blue"):
        await store.add(replace(BLUE, group=GroupName("etl")))
    assert await store.read() == Rows((BLUE,))


async def test_save_adds_and_replaces(store: Clusters) -> None:
    changed = replace(GREEN, name=BLUE.name)
    for saved in (BLUE, changed, changed):
        assert await store.save(saved) == saved
        assert await store.read() == Rows((saved,))


async def test_one_trailing_slash_is_not_stored(store: Clusters) -> None:
    written = replace(BLUE, proxy_to=ClusterUrl(f"{BLUE.proxy_to}/"), external_url=f"{BLUE.external_url}/")
    assert await store.add(written) == BLUE
    assert await store.save(written) == BLUE
    assert await store.read() == Rows((BLUE,))


@pytest.mark.parametrize(
    "bad",
    [
        replace(BLUE, name=ClusterName("")),
        replace(BLUE, name=ClusterName("x" * 257)),
        replace(BLUE, name=ClusterName("\ud800")),
        replace(BLUE, group=GroupName("a\0b")),
        replace(BLUE, proxy_to=ClusterUrl("ftp://blue")),
        replace(BLUE, external_url="javascript:alert(1)"),
    ],
)
async def test_fields_that_cannot_be_stored_are_refused(bad: Cluster) -> None:
    store = FakeStore()
    for write in (store.add, store.save):
        with pytest.raises(ValueError, match=r"name|routingGroup|proxyTo|externalUrl"):
            await write(bad)
    assert await store.read() == Rows()


async def test_the_longest_fields_fit(store: Clusters) -> None:
    longest = replace(
        BLUE,
        name=ClusterName("n" * 256),
        group=GroupName("g" * 256),
        proxy_to=ClusterUrl("http://h/" + "p" * 247),
        external_url="http://h/" + "e" * 247,
    )
    await store.add(longest)
    assert await store.read() == Rows((longest,))


async def test_activating_answers_the_cluster_as_it_is_now(store: Clusters) -> None:
    await store.add(BLUE)
    for active in (False, False, True, True):
        assert await store.set_active(BLUE.name, active) == replace(BLUE, active=active)
        assert await store.read() == Rows((replace(BLUE, active=active),))


async def test_activating_an_unknown_cluster_is_a_conflict(store: Clusters) -> None:
    with pytest.raises(RegistryConflict, match="blue"):
        await store.set_active(BLUE.name, True)
    assert await store.read() == Rows()


async def test_deleting_says_whether_there_was_one(store: Clusters) -> None:
    await store.add(BLUE)
    await store.add(GREEN)
    assert await store.delete(BLUE.name)
    assert not await store.delete(BLUE.name)
    assert await store.read() == Rows((GREEN,))


async def test_many_saves_of_one_new_name_at_once_leave_one_row(database: Database) -> None:
    store = ClusterStore(database)
    await asyncio.gather(*(store.save(replace(BLUE, group=GroupName(f"g{number}"))) for number in range(8)))
    assert len((await store.read()).clusters) == 1


async def test_of_many_adds_of_one_name_one_succeeds(database: Database) -> None:
    store = ClusterStore(database)
    outcomes = await asyncio.gather(*(store.add(BLUE) for _ in range(8)), return_exceptions=True)
    assert outcomes.count(BLUE) == 1
    assert sum(isinstance(outcome, RegistryConflict) for outcome in outcomes) == 7


async def test_rows_written_by_a_java_gateway_read_alike(database: Database) -> None:
    # What its statements leave: literals for booleans, sometimes a slash from people with a SQL prompt, nulls.
    for row in (
        "'blue', 'adhoc', 'http://blue:8080', 'https://blue.example.com', true",
        "'green', 'adhoc', 'https://green:8443/trino/', 'https://blue.example.com', false",
        "'null-is-inactive', 'adhoc', 'http://n:1', 'http://n:1', NULL",
        "'no-group', NULL, 'http://n:1', 'http://n:1', true",
        "'no-url', 'adhoc', NULL, 'http://n:1', true",
        "'no-external-url', 'adhoc', 'http://n:1', NULL, true",
    ):
        await database.execute(f"INSERT INTO gateway_backend VALUES ({row.replace(':', chr(92) + ':')})")
    rows = await ClusterStore(database).read()

    assert [(cluster.name, cluster.active) for cluster in rows.clusters] == [
        ("blue", True),
        ("green", False),
        ("no-external-url", True),
        ("null-is-inactive", False),
    ]
    assert rows.clusters[:2] == (BLUE, GREEN)
    assert rows.bad == (
        "cluster 'no-external-url' is shown with its proxyTo: externalUrl is null",
        "cluster 'no-group' is left out: routingGroup is null",
        "cluster 'no-url' is left out: proxyTo is null",
    )
    with pytest.raises(RegistryConflict, match="proxyTo is null"):
        await ClusterStore(database).set_active(ClusterName("no-url"), False)


async def test_a_table_that_is_not_there_is_a_store_that_is_unavailable(url: DatabaseUrl) -> None:
    database = Database(url, deadline=20.0)
    try:
        with pytest.raises(StoreUnavailable, match="gateway_backend"):
            await ClusterStore(database).read()
    finally:
        await database.close()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"backend_url": "ftp://x"}, "'blue' is left out: proxyTo 'ftp://x' does not begin with http:// or https://"),
        ({"backend_url": 7}, "'blue' is left out: proxyTo is not text"),
        ({"name": None}, "without a name is left out: name is null"),
        ({"name": "a\nb"}, r"'a\nb' is left out: name 'a\nb' holds a control character"),
        ({"routing_group": ""}, "'blue' is left out: routingGroup is empty"),
    ],
)
def test_a_row_that_cannot_be_used_is_left_out_with_a_sentence(change: dict[str, object], sentence: str) -> None:
    assert rows_of([{**ROW, **change}]) == Rows((), (f"cluster {sentence}",))


@pytest.mark.parametrize("bad", ["javascript:alert(1)", "", "trino", 7, None])
def test_a_cluster_whose_external_url_is_bad_is_shown_with_its_proxy_to(bad: object) -> None:
    rows = rows_of([{**ROW, "external_url": bad}])
    assert rows.clusters == (replace(BLUE, external_url=BLUE.proxy_to),)
    assert len(rows.bad) == 1
    assert "is shown with its proxyTo: externalUrl" in rows.bad[0]


@pytest.mark.parametrize(
    ("active", "means"), [(True, True), (1, True), (False, False), (0, False), (None, False), ([], False), ("1", False)]
)
def test_what_counts_as_active(active: object, means: bool) -> None:
    assert rows_of([{**ROW, "active": active}]).clusters[0].active is means


def test_of_two_rows_with_one_name_the_first_counts() -> None:
    assert rows_of([ROW, {**ROW, "routing_group": "etl"}]).clusters == (BLUE,)
