"""Simulators for tests, each started for the one test that asks for it."""

from collections.abc import AsyncIterator

import pytest

from tests.simulator.asking import Client, client_of
from warren.simulator.coordinator import Simulator
from warren.simulator.queries import Limits

QUICK = Limits(long_poll_seconds=0.05)


@pytest.fixture
async def simulator() -> AsyncIterator[Simulator]:
    async with Simulator(coordinator_id="abcde", limits=QUICK) as running:
        yield running


@pytest.fixture
async def client(simulator: Simulator) -> AsyncIterator[Client]:
    async with client_of(simulator.url) as client:
        yield client
