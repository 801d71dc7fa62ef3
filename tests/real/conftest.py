"""The doors of these tests: a gateway before two real Trinos, and one of these itself."""

from collections.abc import Iterator

import pytest

from tests.fixtures.clusters import Door
from tests.fixtures.gateway import gateway_before
from tests.fixtures.real_trino import Pair


@pytest.fixture(scope="session")
def gateway_door(started_trinos: Pair, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    """One gateway with both in its group."""
    addresses = {trino.name: trino.url for trino in started_trinos}
    with gateway_before(addresses, tmp_path_factory.mktemp("gateway")) as gateway:
        yield Door(gateway.url, started_trinos, gateway)


@pytest.fixture(scope="session")
def gateway_door_to_one(started_trinos: Pair, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    """One gateway with one in its group: what a transaction needs."""
    first = started_trinos[0]
    with gateway_before({first.name: first.url}, tmp_path_factory.mktemp("gateway")) as gateway:
        yield Door(gateway.url, started_trinos, gateway)


@pytest.fixture(params=["no-gateway", "gateway"])
def door(request: pytest.FixtureRequest, trinos: Pair) -> Door:
    """Each journey is also made without a gateway, so that a failure says whose it is."""
    if request.param == "no-gateway":
        return Door(trinos[0].url, trinos)
    found: Door = request.getfixturevalue("gateway_door")
    return found


@pytest.fixture(params=["no-gateway", "gateway"])
def door_to_one(request: pytest.FixtureRequest, trinos: Pair) -> Door:
    if request.param == "no-gateway":
        return Door(trinos[0].url, trinos)
    found: Door = request.getfixturevalue("gateway_door_to_one")
    return found
