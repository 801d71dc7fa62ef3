"""Several workers as a host runs them: real processes that are killed, frozen, replaced and stopped under real clients."""

import asyncio
import os
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml

from tests.fixtures.asking import is_answered
from tests.fixtures.child import free_port, wait_for
from tests.fixtures.gateway import GatewayProcess, gateway_before
from tests.fixtures.simulated import simulated
from tests.journeys.fake_cluster import answer, fake_cluster, silence
from tests.journeys.scene import Connection, Cut, ask, until
from tests.supervisor.workers import (
    LIVEZ,
    READYZ,
    SETTINGS,
    Crowd,
    Log,
    all_ready,
    details,
    is_gone,
    know,
    pids,
    until_all_ready,
)
from warren.supervisor.cores import usable_cores
from warren.supervisor.process import KILL_SECONDS, SILENCE_SECONDS

pytestmark = pytest.mark.slow

SELF_SIGNED = Path(__file__).parents[1] / "drivers" / "self_signed.pem"
COUNT = 3
NEIGHBOUR_SECONDS = 1.0
"""Within so long a neighbour answers whoever waits for a worker that is gone; the promise is a tenth of it, on a quiet machine."""


def add(gateway: GatewayProcess, url: str) -> None:
    """A cluster, to two workers: one takes the change, the other reads of it within a second."""
    gateway.add("blue", url)
    wait_for(lambda: len(know(gateway, "blue")) == 2, seconds=20, what="both to know the cluster")


@asynccontextmanager
async def served(directory: Path, cluster: str | None = None, **settings: Any) -> AsyncIterator[GatewayProcess]:
    """Two workers of its own for a test that ends them."""
    gateway = GatewayProcess(directory / "gateway", settings={**SETTINGS, **settings}, workers=2)
    try:
        await asyncio.to_thread(gateway.start)
        if cluster is not None:
            await asyncio.to_thread(add, gateway, cluster)
        await until_all_ready(gateway, 2)
        yield gateway
    except Exception as failure:
        failure.add_note(f"the gateway's log ends:\n{gateway.log()[-6000:]}")
        raise
    finally:
        gateway.kill()


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


async def test_all_workers_stop_politely(tmp_path: Path) -> None:
    page = b'{"id":"20261122_111727_00001_7q5ke","stats":{"state":"QUEUED"}}'
    go_on = asyncio.Event()

    async def slow(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer(200, page)[:-30])
        await go_on.wait()
        writer.write(answer(200, page)[-30:])

    async with (
        fake_cluster(slow) as blue,
        served(tmp_path, blue.url, shutdownDelay="1s") as gateway,
        await Connection.to(gateway.url) as running,
    ):
        log, workers = Log(gateway), gateway.workers()
        running.begin("GET", "/v1/node")
        await until(lambda: len(blue.asked) == 1, "the exchange")
        # Some supervisors of the host tell every process of a service: that must not count as twice.
        for pid in (gateway.pid, *(worker.pid for worker in workers)):
            os.kill(pid, signal.SIGTERM)
        await until(lambda: len(log.of("stopping")) == 3, "the signal")
        refused = await ask("GET", f"{gateway.url}{READYZ}")
        assert (refused.status, refused.text) == (503, "this instance is stopping")
        await until(lambda: not is_answered(f"{gateway.url}{LIVEZ}"), "the end of listening")
        assert gateway.child.is_running(), "somebody still waits for an answer"
        go_on.set()
        assert (await running.answer()).body == page
        await until(lambda: not gateway.child.is_running(), "its end")
        assert gateway.stop() == 0
        assert not any(worker.is_running() for worker in workers)
    assert "Traceback" not in gateway.log()


async def test_a_second_signal_ends_all_of_them_at_once(tmp_path: Path) -> None:
    async with (
        fake_cluster(silence) as blue,
        served(tmp_path, blue.url, shutdownDelay="60s") as gateway,
        await Connection.to(gateway.url) as running,
    ):
        running.begin("GET", "/v1/node")
        await until(lambda: len(blue.asked) == 1, "the exchange")
        log = Log(gateway)
        # One that does not hear it makes no difference.
        os.kill(gateway.workers()[0].pid, signal.SIGSTOP)
        os.kill(gateway.pid, signal.SIGTERM)
        await until(lambda: bool(log.of("stopping")), "the first signal")
        os.kill(gateway.pid, signal.SIGINT)
        with pytest.raises(Cut):
            await running.answer()
        await until(lambda: not gateway.child.is_running(), "its end")
        assert gateway.stop() == 0
    assert "Traceback" not in gateway.log()


async def test_workers_whose_supervisor_is_gone_finish_what_is_running_and_end(tmp_path: Path) -> None:
    async with served(tmp_path) as gateway, await Connection.to(gateway.url) as kept:
        log, workers = Log(gateway), gateway.workers()
        gateway.child.kill()
        try:
            await until(lambda: len(log.of("supervisor_gone")) == 2, "them to notice")
            assert (await kept.ask("GET", LIVEZ)).header("connection") == "close"
            await until(lambda: not any(worker.is_running() for worker in workers), "their end")
        finally:
            for worker in workers:
                if worker.is_running():
                    worker.kill()
        assert not is_answered(f"{gateway.url}{LIVEZ}")
    assert "Traceback" not in gateway.log()


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "warren", "serve", *arguments], capture_output=True, text=True, timeout=60, check=False
    )


def written(directory: Path, settings: dict[str, Any]) -> str:
    path = directory / "config.yaml"
    path.write_text(yaml.safe_dump({"stateDirectory": str(directory / "state"), **settings}))
    return str(path)


def test_a_port_of_somebody_else_is_refused_in_the_same_words_as_by_one_process(tmp_path: Path) -> None:
    with socket.socket() as stranger:
        stranger.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        stranger.bind(("127.0.0.1", 0))
        stranger.listen()
        port = stranger.getsockname()[1]
        config = written(tmp_path, {"serverConfig": {"http-server.http.port": port, "node.bind-ip": "127.0.0.1"}})
        alone, several = run(config), run(config, "--workers", "2")
    assert alone.returncode == several.returncode == 1
    assert f"127.0.0.1, port {port}: cannot be listened on" in several.stderr
    assert several.stderr.splitlines()[-2:] == alone.stderr.splitlines()[-2:]


def test_what_keeps_every_worker_from_starting_is_said_once_and_ends_it(tmp_path: Path) -> None:
    unusable = tmp_path / "bad.pem"
    unusable.write_text("-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----\n")
    config = written(
        tmp_path,
        {
            "serverConfig": {"http-server.http.port": 0, "node.bind-ip": "127.0.0.1"},
            "proxyTls": {"caFile": str(unusable)},
        },
    )
    ended = run(config, "--workers", "2")
    assert ended.returncode == 1
    assert ended.stderr.count(f"{config}: 1 problem") == 1
    assert "  the gateway cannot start: " in ended.stderr.splitlines()[-1]
    assert "Traceback" not in ended.stderr


def test_auto_is_a_worker_for_each_core_and_the_command_line_wins(tmp_path: Path) -> None:
    with gateway_before({}, tmp_path, settings={**SETTINGS, "workers": "auto"}) as gateway:
        assert len(gateway.workers()) == (usable_cores() if usable_cores() > 1 else 0)
    with gateway_before({}, tmp_path, settings={**SETTINGS, "workers": "auto"}, workers=1) as gateway:
        assert gateway.workers() == []
        log = Log(gateway)
        os.kill(gateway.pid, signal.SIGHUP)
        wait_for(lambda: bool(log.of("reload_impossible")), seconds=10, what="a word about the signal")
        assert is_answered(f"{gateway.url}{READYZ}")


def test_a_terminal_that_is_gone_takes_the_gateway_along(tmp_path: Path) -> None:
    config = written(tmp_path, {**SETTINGS, "serverConfig": {"http-server.http.port": free_port()}})
    ours, theirs = os.openpty()
    # Leader of a session whose terminal this is, as the shell's child in a window.
    take = "import fcntl,os,sys,termios; fcntl.ioctl(2, termios.TIOCSCTTY, 0); os.execv(sys.argv[1], sys.argv[1:])"
    serve = [sys.executable, "-m", "warren", "serve", config, "--workers", "2"]
    gateway = subprocess.Popen(
        [sys.executable, "-c", take, *serve], stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
    )
    try:
        os.close(theirs)
        seen = b""
        while seen.count(b"listening") < 2:
            seen += os.read(ours, 65536)
        children = psutil.Process(gateway.pid).children()
        os.close(ours)
        assert gateway.wait(20) == -signal.SIGHUP
        wait_for(lambda: all(is_gone(child.pid) for child in children), seconds=20, what="the end of the workers")
    finally:
        gateway.kill()
        gateway.wait()
