"""The simulator as a process: says what is missing, listens until it is told to stop."""

import asyncio
import importlib
import importlib.util
import signal
import sys
from typing import Any

import uvloop

NEEDED = ("duckdb", "sqlglot", "zstandard", "lz4")


class MissingLibraries(Exception):
    """The simulator's libraries are not installed; the message says how to get them."""


def require_libraries() -> None:
    """Raise MissingLibraries unless everything that the simulator needs is installed."""
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise MissingLibraries(f"the simulator needs {', '.join(missing)}: pip install warren[demo]")


def serve(
    *,
    port: int,
    coordinator_id: str | None = None,
    publish_coordinator_id: bool = True,
    scattered_ids: bool = False,
    process_forwarded: bool = True,
    spooling: str | None = "proxy",
) -> None:
    """Run one coordinator on 127.0.0.1 until SIGINT or SIGTERM.

    Prints its address once it listens. Raises MissingLibraries, ValueError and OSError (port in use).
    """
    require_libraries()
    # Loaded only now: people without the demo's libraries can still start the gateway.
    coordinator = importlib.import_module("warren.simulator.coordinator")
    simulator = coordinator.Simulator
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(
            _until_stopped(
                simulator,
                port=port,
                coordinator_id=coordinator_id,
                publish_coordinator_id=publish_coordinator_id,
                scattered_ids=scattered_ids,
                process_forwarded=process_forwarded,
                spooling=spooling,
            )
        )


async def _until_stopped(simulator: Any, **settings: Any) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, stop.set)
    async with simulator(**settings) as running:
        sys.stdout.write(f"simulated Trino coordinator {running.coordinator_id} at {running.url}\n")
        sys.stdout.flush()
        await stop.wait()
