"""The end of an instance, as a process: what clients and balancers see of it, and its exit code."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.fixtures.gateway import GatewayProcess
from tests.journeys.fake_cluster import answer, fake_cluster, silence
from tests.journeys.scene import USER, Connection, Cut, ask, eventually, until

pytestmark = pytest.mark.slow

PAGE = b'{"id":"20261122_111727_00001_7q5ke","stats":{"state":"QUEUED"}}'


@asynccontextmanager
async def served(directory: Path, url: str, settings: dict[str, Any]) -> AsyncIterator[GatewayProcess]:
    process = GatewayProcess(directory / "gateway", settings=settings)
    try:
        await asyncio.to_thread(process.start)
        await asyncio.to_thread(process.add, "blue", url)
        await asyncio.to_thread(process.wait_for_status, "blue", "HEALTHY")
        yield process
    finally:
        process.kill()


async def exit_code(process: GatewayProcess) -> int:
    """Waits for its end, which somebody has asked for."""
    await until(lambda: not process.child.is_running(), "its end")
    return process.stop()


async def test_an_instance_says_goodbye_then_finishes_what_is_running(tmp_path: Path) -> None:
    """Balancers see `readyz` turn while everything is still served; running exchanges end; the exit code is 0."""
    go_on = asyncio.Event()

    async def slow(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer(200, PAGE)[:-30])
        await go_on.wait()
        writer.write(answer(200, PAGE)[-30:])

    async with (
        fake_cluster(slow) as blue,
        served(tmp_path, blue.url, {"shutdownDelay": "1s"}) as process,
        await Connection.to(process.url) as idle,
        await Connection.to(process.url) as running,
    ):
        assert (await idle.ask("GET", "/trino-gateway/livez")).header("connection") is None
        running.begin("GET", "/v1/node")
        await until(lambda: len(blue.asked) == 1, "the exchange")

        os.kill(process.pid, signal.SIGTERM)
        await until(lambda: '"event":"stopping"' in process.log(), "the signal")
        refused = await ask("GET", f"{process.url}/trino-gateway/readyz")
        assert (refused.status, refused.text) == (503, "this instance is stopping")
        assert refused.header("connection") == "close"
        closing = await idle.ask("GET", "/gateway/backend/all")
        assert (closing.status, closing.header("connection")) == (200, "close")
        assert await idle.is_closed_by_peer()

        await eventually(lambda: is_deaf(process), "the end of listening")
        assert process.child.is_running(), "somebody still waits for an answer"
        go_on.set()
        assert (await running.answer()).body == PAGE
        assert await running.is_closed_by_peer()
        assert await exit_code(process) == 0
    assert "Traceback" not in process.log()


async def is_deaf(process: GatewayProcess) -> bool:
    try:
        await (await Connection.to(process.url)).close()
    except ConnectionError:
        return True
    return False


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_second_signal_ends_it_at_once(tmp_path: Path, number: signal.Signals) -> None:
    async with (
        fake_cluster(silence) as blue,
        served(tmp_path, blue.url, {"shutdownDelay": "60s"}) as process,
        await Connection.to(process.url) as running,
    ):
        running.begin("GET", "/v1/node")
        await until(lambda: len(blue.asked) == 1, "the exchange")
        os.kill(process.pid, number)
        await until(lambda: '"event":"stopping"' in process.log(), "the first signal")
        os.kill(process.pid, number)
        with pytest.raises(Cut):
            await running.answer()
        assert await exit_code(process) == 0
    assert "Traceback" not in process.log()


async def test_the_drain_has_a_deadline(tmp_path: Path) -> None:
    settings = {"shutdownDelay": "0s", "drainTimeout": "500ms"}
    async with (
        fake_cluster(silence) as blue,
        served(tmp_path, blue.url, settings) as process,
        await Connection.to(process.url) as running,
    ):
        running.begin("POST", "/v1/statement", "SELECT 1", USER)
        await until(lambda: len(blue.asked) == 1, "the exchange")
        os.kill(process.pid, signal.SIGTERM)
        with pytest.raises(Cut):
            await running.answer()
        assert await exit_code(process) == 0
        assert '"event":"connections_cut"' in process.log()
    assert "Traceback" not in process.log()


async def test_an_instance_that_is_killed_leaves_nothing_in_the_way_of_the_next(tmp_path: Path) -> None:
    async with fake_cluster(silence) as blue, served(tmp_path, blue.url, {}) as process:
        process.kill()
        await asyncio.to_thread(process.start)
        await asyncio.to_thread(process.wait_for_status, "blue", "HEALTHY")
        left = list((tmp_path / "gateway" / "state" / "sockets").glob("*.sock"))
        assert len(left) == 1, "its own"


async def test_a_log_line_cannot_be_forged_by_a_client(tmp_path: Path) -> None:
    """Also: what is written is one JSON object a line, and polls write none."""
    async with fake_cluster(silence) as blue, served(tmp_path, blue.url, {}) as process:
        blue.misdeed = lambda _reader, writer: _write(writer, answer(200, PAGE))
        forged = b'POST /v1/statement HTTP/1.1\r\nHost: x\r\nX-Trino-User: a\xe2\x80\xa8b\x85\tc"}{"event":"x\r\n'
        async with await Connection.to(process.url) as client:
            client.writer.write(forged + b"X-Trino-Source: \x1b[31mred\r\nContent-Length: 8\r\n\r\nSELECT 1")
            assert b" 400 " in await client.first_line()
        async with await Connection.to(process.url) as client:
            client.writer.write(forged + b"Content-Length: 8\r\n\r\nSELECT 1")
            assert b" 200 " in await client.first_line()
        await until(lambda: '"event":"statement"' in process.log(), "the line")
        (line,) = [each for each in process.events() if each.get("event") == "statement"]
        assert line["user"] == 'a\\u2028b\ufffd\\u0009c"}{"event":"x'
        assert not [each for each in process.events() if each.get("event") == "x"]


async def _write(writer: asyncio.StreamWriter, data: bytes) -> None:
    writer.write(data)
