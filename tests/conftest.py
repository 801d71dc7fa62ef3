"""What every test stands on: the loop that production uses, and the switches for the long ones."""

import asyncio
import signal
from collections.abc import Callable

import pytest
import uvloop

pytest_plugins = [
    "tests.fixtures.databases",
    "tests.fixtures.real_trino",
    "tests.fixtures.valkey",
    "tests.fixtures.valkey_sets",
]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--soak", action="store_true", help="also run the long and heavy tests")
    parser.addoption("--real", action="store_true", help="run the journeys against real Trinos (needs Java and Maven)")


def pytest_sessionstart(session: pytest.Session) -> None:
    """Asked to end, as by a CI that lost its patience, let the test at hand be the last, and end the servers too."""

    def end(number: int, frame: object) -> None:
        session.shouldstop = "asked to end by SIGTERM"

    signal.signal(signal.SIGTERM, end)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    unwanted = [mark for mark in ("soak", "real") if not config.getoption(f"--{mark}")]
    kept = [item for item in items if not any(item.get_closest_marker(mark) for mark in unwanted)]
    config.hook.pytest_deselected(items=[item for item in items if item not in kept])
    items[:] = kept


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    return {"uvloop": uvloop.new_event_loop}
