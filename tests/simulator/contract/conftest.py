"""What the contract is held against: the simulator always, a real Trino with `--real`."""

import os
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.fixtures.real_trino import Pair
from tests.simulator.asking import Client, client_of
from warren.simulator.coordinator import Simulator
from warren.simulator.queries import Limits

ADDRESS = "WARREN_REAL_TRINO"
"""The environment variable that names a Trino to test against; without it the tests start their own."""


@pytest.fixture(scope="session")
def real_trino(request: pytest.FixtureRequest) -> str:
    if address := os.environ.get(ADDRESS):
        return address.rstrip("/")
    started: Pair = request.getfixturevalue("started_trinos")
    return started[0].url


@pytest_asyncio.fixture(
    scope="module", loop_scope="module", params=["simulator", pytest.param("real", marks=pytest.mark.real)]
)
async def trino(request: pytest.FixtureRequest) -> AsyncIterator[Client]:
    """A client of a coordinator that processes forwarded headers."""
    if request.param == "real":
        async with client_of(request.getfixturevalue("real_trino")) as client:
            yield client
        return
    async with (
        Simulator(limits=Limits(long_poll_seconds=0.2)) as simulator,
        client_of(simulator.url) as client,
    ):
        yield client
