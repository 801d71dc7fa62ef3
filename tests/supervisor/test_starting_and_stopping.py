"""Several workers as a host starts and stops them: what keeps them from starting, and each way in which they end."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml

from tests.fixtures.asking import is_answered
from tests.fixtures.child import free_port, wait_for
from tests.fixtures.gateway import gateway_before
from tests.journeys.fake_cluster import answer, fake_cluster, silence
from tests.journeys.scene import Connection, Cut, ask, until
from tests.supervisor.workers import LIVEZ, READYZ, SETTINGS, Log, is_gone, served
from warren.supervisor.cores import usable_cores

pytestmark = pytest.mark.slow


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
