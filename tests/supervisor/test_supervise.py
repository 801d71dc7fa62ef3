"""Several workers as a host runs them: real processes that are killed, frozen, replaced and stopped under real clients."""

import asyncio
import os
import signal
import socket
import ssl
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.fixtures.asking import is_answered
from tests.fixtures.child import free_port, wait_for
from tests.fixtures.gateway import GatewayProcess, gateway_before
from tests.fixtures.simulated import simulated
from tests.journeys.scene import Connection, until
from tests.supervisor.workers import (
    LIVEZ,
    READYZ,
    SETTINGS,
    Crowd,
    Log,
    add,
    all_ready,
    details,
    is_gone,
    know,
    pids,
    until_all_ready,
)
from warren.supervisor.process import KILL_SECONDS, SILENCE_SECONDS

pytestmark = pytest.mark.slow

SELF_SIGNED = Path(__file__).parents[1] / "drivers" / "self_signed.pem"
COUNT = 3
NEIGHBOUR_SECONDS = 1.0
"""Within so long a neighbour answers whoever waits for a worker that is gone; the promise is a tenth of it, on a quiet machine."""


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    """Two workers before a cluster; each test leaves them as ready as they were, though perhaps not the same ones."""
    directory = tmp_path_factory.mktemp("pair")
    with (
        simulated(("blue",), directory) as (blue,),
        gateway_before({}, directory, settings=SETTINGS, workers=2) as gateway,
    ):
        add(gateway, blue.url)
        yield gateway


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    """Likewise, with TLS on a second port and an access log, and no cluster."""
    directory = tmp_path_factory.mktemp("three")
    settings = {
        **SETTINGS,
        "instanceName": "gw",
        "serverConfig": {
            "http-server.https.enabled": True,
            "http-server.https.port": free_port(),
            "http-server.https.keystore.path": str(SELF_SIGNED),
            "http-server.log.path": str(directory / "access.log"),
        },
    }
    with gateway_before({}, directory, settings=settings, workers=COUNT) as gateway:
        wait_for(lambda: all_ready(gateway, COUNT), seconds=20, what="all workers")
        yield gateway


def test_all_workers_get_connections_each_under_a_name_of_its_own(three: GatewayProcess) -> None:
    names = {details(three.url)["instance"] for _ in range(60)}
    assert names == {"gw-1", "gw-2", "gw-3"}


def test_readyz_has_a_line_about_each_worker(three: GatewayProcess) -> None:
    workers = details(three.url)["workers"]
    assert workers == [
        {"slot": slot, "pid": pid, "ready": True, "message": "ok"} for slot, pid in sorted(pids(three).items())
    ]
    assert {worker.pid for worker in three.workers()} == set(pids(three).values())


def test_all_workers_speak_tls_on_the_second_port(three: GatewayProcess) -> None:
    port = yaml.safe_load(three.config_file.read_text())["serverConfig"]["http-server.https.port"]
    trusting = ssl.create_default_context()
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    for _ in range(20):
        with (
            socket.create_connection(("127.0.0.1", port), timeout=10) as plain,
            trusting.wrap_socket(plain) as client,
        ):
            client.sendall(f"GET {LIVEZ} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            assert client.recv(100).startswith(b"HTTP/1.1 200 ")


def test_workers_share_log_access_log_and_state(three: GatewayProcess) -> None:
    """Lines are whole, and say whose they are."""
    three.add("blue", "http://127.0.0.1:9")
    wait_for(lambda: len(know(three, "blue")) == COUNT, seconds=10, what="all to know the cluster")
    for _ in range(60):
        assert is_answered(f"{three.url}/trino-gateway/livez")
    log = three.config_file.parent / "access.log"
    wait_for(lambda: log.exists() and log.read_text().count(LIVEZ) >= 60, seconds=10, what="the access log")
    assert all(line.startswith("{") and line.endswith("}") for line in log.read_text().splitlines())
    assert all(line.startswith("{") and line.endswith("}") for line in three.log().splitlines())
    said = [(event["event"], event.get("worker"), event.get("instance")) for event in three.events()]
    assert said.count(("listening", 2, "gw-2")) == 2
    assert len([event for event, *_ in said if event in {"migration_finished", "database_embedded"}]) == 2
    assert "Traceback" not in three.log()
    assert (three.config_file.parent / "state" / "roster.json").exists()


@pytest.mark.parametrize("times", [2, pytest.param(20, marks=[pytest.mark.soak, pytest.mark.timeout(600)])])
async def test_workers_are_killed_under_load_again_and_again(pair: GatewayProcess, times: int) -> None:
    """Only what was open at that instant breaks, and the next try succeeds."""
    log, crowd = Log(pair), Crowd(pair.url)
    async with crowd.at_work(4):
        await crowd.until_more()
        assert crowd.broken == []
        for number in range(times):
            before, broken = await asyncio.to_thread(pids, pair), len(crowd.broken)
            slot = 1 + number % 2
            os.kill(before[slot], signal.SIGKILL)
            await crowd.until_more()
            await until_all_ready(pair, 2)
            assert (await asyncio.to_thread(pids, pair))[slot] != before[slot]
            assert len(crowd.broken) - broken <= 4, crowd.broken
        await crowd.until_more()
    assert crowd.lost == []
    assert [event["because"] for event in log.of("worker_ended")] == ["it was ended by SIGKILL"] * times
    assert "Traceback" not in pair.log()


async def waiting(gateway: GatewayProcess, path: str = LIVEZ) -> list[Connection]:
    """So many clients with a request under way that the kernel has put some into the queue of every worker."""
    connections = [await Connection.to(gateway.url) for _ in range(40)]
    for connection in connections:
        connection.begin("GET", path)
    return connections


async def all_answered(connections: list[Connection]) -> float:
    """How long that takes, in seconds."""
    began = time.monotonic()
    statuses = {(await connection.answer()).status for connection in connections}
    took = time.monotonic() - began
    for connection in connections:
        await connection.close()
    assert statuses == {200}
    return took


async def test_a_neighbour_answers_those_who_wait_for_a_frozen_or_a_dead_worker(three: GatewayProcess) -> None:
    log = Log(three)
    frozen = (await asyncio.to_thread(pids, three))[2]

    os.kill(frozen, signal.SIGSTOP)
    took = await all_answered(await waiting(three))
    assert took > SILENCE_SECONDS / 2, "somebody waited for the frozen one"
    assert took < SILENCE_SECONDS + 2 * NEIGHBOUR_SECONDS
    assert await all_answered(await waiting(three)) < NEIGHBOUR_SECONDS
    assert await all_answered(await waiting(three, READYZ)) < NEIGHBOUR_SECONDS, "it is known to be no use asking"
    found = await asyncio.to_thread(details, three.url)
    (line,) = [each for each in found["workers"] if each["slot"] == 2]  # type: ignore[attr-defined] # JSON
    assert (line["ready"], line["message"]) == (False, "it has said nothing for 3 s or more")

    os.kill(frozen, signal.SIGCONT)
    await until(lambda: len(log.of("worker_heard_again")) == 1, "it to be heard of")
    await until_all_ready(three, COUNT)
    assert (await asyncio.to_thread(pids, three))[2] == frozen

    # A worker that dies leaves a queue: it is frozen first so that there is one.
    os.kill(frozen, signal.SIGSTOP)
    connections = await waiting(three)
    os.kill(frozen, signal.SIGKILL)
    assert await all_answered(connections) < NEIGHBOUR_SECONDS
    assert await all_answered(await waiting(three)) < NEIGHBOUR_SECONDS
    await until_all_ready(three, COUNT)
    assert len(log.of("worker_silent")) == 1


@pytest.mark.soak
@pytest.mark.timeout(200)
async def test_a_worker_that_stays_frozen_is_killed_and_replaced(pair: GatewayProcess) -> None:
    log = Log(pair)
    frozen = (await asyncio.to_thread(pids, pair))[1]
    os.kill(frozen, signal.SIGSTOP)
    began = time.monotonic()
    while not log.of("worker_killed"):
        assert time.monotonic() - began < KILL_SECONDS + 10
        await all_answered(await waiting(pair))
        await asyncio.sleep(0.5)
    assert time.monotonic() - began > KILL_SECONDS - 2
    await until_all_ready(pair, 2)
    assert is_gone(frozen)


def configure(gateway: GatewayProcess, **settings: Any) -> str:
    """Lay these over the configuration file; what it held before."""
    before = gateway.config_file.read_text()
    gateway.config_file.write_text(yaml.safe_dump({**yaml.safe_load(before), **settings}))
    return before


@pytest.mark.parametrize("times", [1, pytest.param(12, marks=[pytest.mark.soak, pytest.mark.timeout(600)])])
async def test_a_rolling_restart_under_load_loses_no_connection(pair: GatewayProcess, times: int) -> None:
    """And then the new configuration holds."""
    log, crowd = Log(pair), Crowd(pair.url)
    async with crowd.at_work(4):
        await crowd.until_more()
        for number in range(1, times + 1):
            before = await asyncio.to_thread(pids, pair)
            configure(pair, instanceName=f"renamed{number}", workers=7)
            os.kill(pair.pid, signal.SIGHUP)
            await until(lambda: len(log.of("reload_finished")) == number, "the end of the restart")  # noqa: B023
            after = await asyncio.to_thread(pids, pair)
            assert after.keys() == before.keys()
            assert not set(after.values()) & set(before.values())
            assert all(is_gone(pid) for pid in before.values())
            assert str((await asyncio.to_thread(details, pair.url))["instance"]).startswith(f"renamed{number}-")
        await crowd.until_more()
    assert (crowd.broken, crowd.lost) == ([], [])
    assert log.of("restart_needed")[-1]["settings"] == ["workers"]
    assert len(log.of("worker_replaced")) == 2 * times
    assert "Traceback" not in pair.log()


async def test_a_configuration_that_is_wrong_changes_nothing_and_says_why(pair: GatewayProcess) -> None:
    log, before = Log(pair), await asyncio.to_thread(pids, pair)
    good = configure(pair, nonsense=1, monitor=5)
    os.kill(pair.pid, signal.SIGHUP)
    await until(lambda: len(log.of("reload_refused")) == 2, "the refusal")
    assert "nonsense" in str(log.of("reload_refused"))
    pair.config_file.write_text(good)
    assert await asyncio.to_thread(pids, pair) == before
    assert not log.of("reload_started")


async def test_the_certificate_of_an_open_port_cannot_be_taken_away(three: GatewayProcess) -> None:
    log, before = Log(three), await asyncio.to_thread(pids, three)
    server = yaml.safe_load(three.config_file.read_text())["serverConfig"]
    without = {key: value for key, value in server.items() if "https" not in key}
    good = configure(three, serverConfig=without)
    os.kill(three.pid, signal.SIGHUP)
    await until(lambda: bool(log.of("reload_refused")), "the refusal")
    assert "http-server.https.keystore.path is not there" in str(log.of("reload_refused")[0]["because"])
    assert not log.of("reload_started")
    assert await asyncio.to_thread(pids, three) == before
    three.config_file.write_text(good)


async def test_a_configuration_with_which_no_worker_can_start_changes_nothing(pair: GatewayProcess) -> None:
    """The file is right, and what it leads to is not: that shows when the first replacement starts."""
    log, before = Log(pair), await asyncio.to_thread(pids, pair)
    unusable = pair.config_file.parent / "bad.pem"
    unusable.write_text("-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----\n")
    good = configure(pair, proxyTls={"caFile": str(unusable)})
    os.kill(pair.pid, signal.SIGHUP)
    await until(lambda: bool(log.of("reload_stopped")), "the end of the attempt")
    assert "the gateway cannot start" in str(log.of("reload_stopped")[0]["because"])
    assert await asyncio.to_thread(pids, pair) == before

    # A worker that a person ends is replaced, with the configuration that was good.
    os.kill(before[1], signal.SIGTERM)
    await until(lambda: len(log.of("worker_ended")) == 2, "its end")
    await until_all_ready(pair, 2)
    after = await asyncio.to_thread(pids, pair)
    assert (after[1] != before[1], after[2] == before[2]) == (True, True)
    pair.config_file.write_text(good)
