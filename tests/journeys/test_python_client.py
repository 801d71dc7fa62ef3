"""Trino's own Python client, unchanged: through a gateway to simulated Trinos, to real ones, and past the gateway."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from typing import Any

import pytest
from trino.dbapi import Connection
from trino.exceptions import TrinoUserError
from trino.transaction import IsolationLevel

from tests.fixtures.asking import USER, ask
from tests.fixtures.child import wait_for
from tests.fixtures.clusters import Coordinator, Door
from tests.fixtures.gateway import gateway_before
from tests.fixtures.simulated import simulated

pytestmark = pytest.mark.slow

SIMULATED = "gateway-simulators"
DIRECT = "no-gateway-trino"
REAL = "gateway-trinos"
KINDS = [SIMULATED, pytest.param(DIRECT, marks=pytest.mark.real), pytest.param(REAL, marks=pytest.mark.real)]

BIG = 200_000
"""Rows of a result of some 25 MB."""
BIG_RESULT = {
    SIMULATED: f"SELECT l.* FROM tpch.tiny.lineitem AS l CROSS JOIN tpch.tiny.nation LIMIT {BIG}",
    DIRECT: f"SELECT * FROM tpch.sf1.lineitem LIMIT {BIG}",
    REAL: f"SELECT * FROM tpch.sf1.lineitem LIMIT {BIG}",
}


class Visit:
    """A client at a door. Every query that it runs is checked for where it ran."""

    def __init__(self, kind: str, door: Door) -> None:
        self.kind = kind
        self.door = door

    @contextmanager
    def connected(self, **options: Any) -> Iterator[Any]:
        """A connection of the client, which is typed in part only."""
        with Connection(
            "127.0.0.1", port=self.door.port, user="test", catalog="tpch", schema="tiny", **options
        ) as here:
            yield here

    def run(self, connection: Any, sql: str, parameters: Sequence[Any] = ()) -> list[list[Any]]:
        cursor = connection.cursor()
        cursor.execute(sql, parameters)
        rows: list[list[Any]] = cursor.fetchall()
        self.door.ran(cursor.query_id)
        return rows


@pytest.fixture(scope="module", params=KINDS)
def kind_and_clusters(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, Sequence[Coordinator]]]:
    if request.param == SIMULATED:
        with simulated(("north", "south"), tmp_path_factory.mktemp("simulated")) as pair:
            yield SIMULATED, pair
    else:
        yield request.param, request.getfixturevalue("started_trinos")


@contextmanager
def opened(
    kind: str, clusters: Sequence[Coordinator], *, served: Sequence[Coordinator], factory: pytest.TempPathFactory
) -> Iterator[Visit]:
    """A gateway with the `served` ones behind it, or the first of them itself."""
    addresses = {cluster.name: cluster.url for cluster in served}
    gateways = nullcontext() if kind == DIRECT else gateway_before(addresses, factory.mktemp("gateway"))
    with gateways as gateway:
        yield Visit(kind, Door(gateway.url if gateway else served[0].url, clusters, gateway))


@pytest.fixture(scope="module")
def visit(
    kind_and_clusters: tuple[str, Sequence[Coordinator]], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Visit]:
    """Two clusters in the group."""
    kind, clusters = kind_and_clusters
    with opened(kind, clusters, served=clusters, factory=tmp_path_factory) as found:
        yield found


@pytest.fixture(scope="module")
def visit_to_one(
    kind_and_clusters: tuple[str, Sequence[Coordinator]], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Visit]:
    """One cluster in the group: what a transaction needs."""
    kind, clusters = kind_and_clusters
    with opened(kind, clusters, served=clusters[:1], factory=tmp_path_factory) as found:
        yield found


def test_a_select_gives_its_columns_and_rows(visit: Visit) -> None:
    with visit.connected() as connection:
        cursor = connection.cursor()
        cursor.execute("SELECT nationkey, name FROM nation ORDER BY nationkey")
        rows = cursor.fetchall()
        assert [column.name for column in cursor.description] == ["nationkey", "name"]
    assert len(rows) == 25
    assert rows[3] == [3, "CANADA"]
    visit.door.ran(cursor.query_id)


@pytest.mark.parametrize("legacy", [False, True], ids=["execute-immediate", "prepare-header"])
def test_parameters_are_bound(visit: Visit, legacy: bool) -> None:
    """The client sends them in EXECUTE IMMEDIATE, or as a prepared statement that rides in a header from cluster to cluster."""
    with visit.connected(legacy_prepared_statements=legacy) as connection:
        sql = "SELECT name FROM nation WHERE regionkey = ? AND name <> ? ORDER BY name"
        rows = visit.run(connection, sql, (1, "it's none"))
    assert rows == [["ARGENTINA"], ["BRAZIL"], ["CANADA"], ["PERU"], ["UNITED STATES"]]


def test_session_properties_follow_the_client(visit: Visit) -> None:
    with visit.connected() as connection:
        visit.run(connection, "SET SESSION query_max_run_time = '77m'")
        shown = visit.run(connection, "SHOW SESSION LIKE 'query_max_run_time'")
    assert shown[0][:2] == ["query_max_run_time", "77m"]


def test_a_transaction_commits_and_rolls_back(visit_to_one: Visit) -> None:
    with visit_to_one.connected(isolation_level=IsolationLevel.READ_UNCOMMITTED) as connection:
        for end in (connection.commit, connection.rollback):
            assert visit_to_one.run(connection, "SELECT count(*) FROM nation") == [[25]]
            assert visit_to_one.run(connection, "SELECT count(*) FROM region") == [[5]]
            assert connection.transaction.id
            end()
            assert connection.transaction is None


def test_a_wrong_statement_fails_with_trinos_own_words(visit: Visit) -> None:
    with visit.connected() as connection, pytest.raises(TrinoUserError) as failure:
        connection.cursor().execute("SELECT nonsense FROM nation")
    assert failure.value.error_name == "COLUMN_NOT_FOUND"
    assert failure.value.query_id
    visit.door.ran(failure.value.query_id)


def test_a_cancelled_query_ends_on_its_cluster(visit: Visit) -> None:
    with visit.connected(encoding=None) as connection:
        cursor = connection.cursor()
        cursor.execute(BIG_RESULT[visit.kind])
        assert cursor.fetchone() is not None
        cursor.cancel()
    owner = visit.door.ran(cursor.query_id)
    assert reason_of_failure(owner, cursor.query_id) == "USER_CANCELED"


def reason_of_failure(owner: Coordinator, query_id: str) -> str | None:
    def state() -> dict[str, Any]:
        found: dict[str, Any] = ask("GET", f"{owner.url}/v1/query/{query_id}?pruned=true", headers=USER).json()
        return found

    wait_for(lambda: state()["state"] in {"FAILED", "FINISHED"}, seconds=20, what=f"{query_id} to end")
    failure = state().get("errorCode") or {}
    name: str | None = failure.get("name")
    return name


@pytest.mark.parametrize("encoding", [None, "json", "json+zstd"], ids=["direct", "spooled", "spooled-zstd"])
def test_a_big_result_arrives_whole(visit: Visit, encoding: str | None) -> None:
    with visit.connected(encoding=encoding) as connection:
        cursor = connection.cursor()
        cursor.execute(BIG_RESULT[visit.kind])
        assert sum(len(row) == 16 for row in cursor.fetchall()) == BIG
    visit.door.ran(cursor.query_id)


def test_spooled_segments_come_through_the_door_and_are_acknowledged_there(visit: Visit) -> None:
    """Their addresses hold no query id, and the other cluster has another secret: each must find its own."""
    with visit.connected(encoding="json+zstd") as connection:
        cursor = connection.cursor("segment")
        cursor.execute(BIG_RESULT[visit.kind])
        segments = [decodable.segment for decodable in cursor.fetchall()]
        addresses = [(found.uri, found.ack_uri) for found in segments if hasattr(found, "uri")]
        assert addresses, "nothing was spooled"
        for uri, ack_uri in addresses:
            assert uri.startswith(visit.door.url), uri
            assert ack_uri.startswith(visit.door.url), ack_uri
            assert len(ask("GET", uri).body) > 1000
            assert ask("GET", ack_uri).status == 200
            # The real one says 500, "Segment not found".
            assert ask("GET", uri).status >= 400, "acknowledged, and still there"
    visit.door.ran(cursor.query_id)


def test_many_clients_at_once_are_served_by_both_clusters(visit: Visit) -> None:
    def one(number: int) -> str:
        with visit.connected() as connection:
            cursor = connection.cursor()
            cursor.execute(f"SELECT {number}, count(*) FROM nation CROSS JOIN region")
            assert cursor.fetchall() == [[number, 125]]
            query_id: str = cursor.query_id
            return query_id

    with ThreadPoolExecutor(8) as clients:
        names = {visit.door.ran(query_id).name for query_id in clients.map(one, range(24))}
    # One in eight million fair runs would leave a cluster out.
    expected = {cluster.name for cluster in visit.door.clusters}
    assert names == (expected if visit.door.gateway else {visit.door.clusters[0].name})
