"""Clusters die and freeze, crowds come, descriptors run out: as processes of their own, under load."""

import asyncio
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.fixtures.asking import is_answered
from tests.fixtures.child import Child, free_port
from tests.fixtures.gateway import GatewayProcess
from tests.fixtures.simulated import simulated
from tests.journeys.scene import USER, Connection, ask, eventually, run, statement_status, submit, until

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
IMPATIENT = {"routing": {"statementTryTimeout": "1s", "followTimeout": "2s"}}
NATIONS = "SELECT nationkey, name FROM tpch.tiny.nation ORDER BY nationkey"
SLOW = "SELECT 1 /* simulate: seconds=600 */"
FEW_LINES = 40
"""Of a log during all that happens to one cluster, but for the line of each statement."""


@contextmanager
def cluster(directory: Path, name: str) -> Iterator[tuple[Child, str]]:
    port = free_port()
    child = Child(
        [sys.executable, "-m", "warren", "simulate", "--port", str(port)],
        log=directory / f"{name}.log",
        cwd=directory,
    )
    try:
        start(child, f"http://127.0.0.1:{port}")
        yield child, f"http://127.0.0.1:{port}"
    finally:
        child.kill()


def start(child: Child, url: str) -> None:
    child.start()
    child.wait_until(partial(is_answered, f"{url}/v1/info"), seconds=20, what=f"the cluster at {url}")


@contextmanager
def served(
    directory: Path, clusters: dict[str, str], *, descriptors: int | None = None, settings: dict[str, Any] | None = None
) -> Iterator[GatewayProcess]:
    process = GatewayProcess(directory / "gateway", settings=settings)
    if descriptors is not None:
        command = f'ulimit -n {descriptors}; exec "$@"'
        process.child = Child(
            ["bash", "-c", command, "limited", sys.executable, "-m", "warren", "serve", str(process.config_file)],
            log=directory / "gateway" / "gateway.log",
            cwd=directory,
        )
    try:
        process.start()
        for name, url in clusters.items():
            process.add(name, url)
        for name in clusters:
            process.wait_for_status(name, "HEALTHY")
        yield process
    finally:
        process.kill()


async def is_a_page(url: str) -> bool:
    return (await ask("GET", url)).status == 200


async def takes_statements(url: str) -> bool:
    return await statement_status(url) == 200


class Crowd:
    """Clients that run statements one after another; `ran` are those that came to their end, `failed` the others."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.ran: list[str] = []
        self.failed: list[str] = []

    async def client(self) -> None:
        while True:
            try:
                page = await run(self.url, NATIONS)
            except AssertionError as error:
                self.failed.append(str(error))
            else:
                assert len(page.rows) == 25
                self.ran.append(page.query_id)

    async def until_more(self, number: int = 30) -> None:
        seen = len(self.ran)
        await until(lambda: len(self.ran) >= seen + number, "statements to run to their end")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "frozen"])
async def test_a_cluster_fails_under_load(tmp_path: Path, number: signal.Signals) -> None:
    """Statements move to the other; queries of the failed one get 503 or 504, never 404, until it is back."""
    with (
        cluster(tmp_path, "blue") as (blue, blue_url),
        cluster(tmp_path, "green") as (_, green_url),
        served(tmp_path, {"blue": blue_url, "green": green_url}, settings=IMPATIENT) as process,
    ):
        letters = (await submit(blue_url, NATIONS)).query_id[-5:]
        page = await submit(process.url, SLOW)
        while not page.query_id.endswith(letters):
            page = await submit(process.url, SLOW)
        assert page.next_uri is not None
        crowd = Crowd(process.url)
        async with asyncio.TaskGroup() as group:
            clients = [group.create_task(crowd.client()) for _ in range(8)]
            await crowd.until_more()
            assert crowd.failed == []

            blue.signal(number)
            polled = {(await ask("GET", page.next_uri)).status for _ in range(2)}
            assert polled <= {503, 504}
            await crowd.until_more()
            before = len(crowd.failed)
            assert before <= 8, "one query of each client at most was on it"
            assert not [failure for failure in crowd.failed if not failure.startswith(("503", "504"))]
            await crowd.until_more(60)
            assert len(crowd.failed) == before, "statements go to the other only"
            assert {query_id[-5:] for query_id in crowd.ran[-30:]} == {
                (await submit(green_url, "SELECT 1")).query_id[-5:]
            }
            assert (await ask("GET", page.next_uri)).status in {503, 504}

            if number is signal.SIGSTOP:
                blue.signal(signal.SIGCONT)
                await eventually(partial(is_a_page, page.next_uri), "its query to go on")
            else:
                await asyncio.to_thread(start, blue, blue_url)
            await until(lambda: process.status_of("blue") == "HEALTHY", "it to be back")
            letters = (await submit(blue_url, NATIONS)).query_id[-5:]
            await until(lambda: any(each.endswith(letters) for each in crowd.ran[-20:]), "statements on it")
            for each in clients:
                each.cancel()
        lines = [event for event in process.events() if event.get("event") != "statement"]
        assert len(lines) <= FEW_LINES, [line.get("event") for line in lines]
        assert "Traceback" not in process.log()


async def crowd_of(url: str, clients: int, seconds: float) -> Any:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.journeys.load", url, str(clients), str(seconds), cwd=ROOT, stdout=subprocess.PIPE
    )
    out, _ = await process.communicate()
    assert process.returncode == 0
    return json.loads(out)


@pytest.mark.parametrize("clients", [100, pytest.param(2000, marks=pytest.mark.soak)])
async def test_a_crowd_polls(tmp_path: Path, clients: int) -> None:
    """Every answer is a page; a poll that its cluster holds for a second is not held for much longer."""
    seconds = 3 if clients < 1000 else 20
    with (
        simulated(("north", "south"), tmp_path) as pair,
        served(tmp_path, {each.name: each.url for each in pair}) as it,
    ):
        result = await crowd_of(it.url, clients, seconds)
        assert set(result["statuses"]) == {"200"}
        assert result["polls"] >= clients * (seconds - 1)
        assert result["p99"] < 5, result
        assert "Traceback" not in it.log()


@pytest.mark.parametrize("count", [500, pytest.param(10_000, marks=pytest.mark.soak)])
async def test_many_idle_connections_cost_little_and_go_on_later(tmp_path: Path, count: int) -> None:
    with cluster(tmp_path, "blue") as (_, url), served(tmp_path, {"blue": url}) as process:
        before = psutil.Process(process.pid).memory_info().rss
        crowd = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.journeys.load", "idle", process.url, str(count)),
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert crowd.stdout is not None
        assert await crowd.stdout.readline() == b"open\n"
        grown = psutil.Process(process.pid).memory_info().rss - before
        assert grown / count <= 20 * 1024 + 8 * 1024 * 1024 / count, f"{grown / count:.0f} bytes for each connection"
        assert len((await run(process.url, NATIONS)).rows) == 25
        out, _ = await crowd.communicate(b"\n")
        assert json.loads(out) == {"first": count, "again": count}


async def test_at_its_descriptor_limit_an_instance_refuses_politely_and_recovers(tmp_path: Path) -> None:
    with cluster(tmp_path, "blue") as (_, url), served(tmp_path, {"blue": url}, descriptors=400) as process:
        connections = [await Connection.to(process.url) for _ in range(180)]
        try:
            refused = 0
            for each in connections:
                each.begin("GET", "/v1/info", headers=USER)
                line = await each.first_line()
                assert line.startswith((b"HTTP/1.1 200 ", b"HTTP/1.1 503 ")), line
                refused += line.startswith(b"HTTP/1.1 503 ")
            assert 50 <= refused <= 100
        finally:
            for each in connections:
                await each.close()
        await eventually(partial(takes_statements, process.url), "statements to be taken again")
        assert "Traceback" not in process.log()
        assert len(process.log().splitlines()) < FEW_LINES
