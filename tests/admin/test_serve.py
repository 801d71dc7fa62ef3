"""The private server, asked over its real socket."""

import asyncio
import os
import signal
import socket
import stat
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

from tests.admin.own import Own
from warren.admin.answers import LONGEST_BODY
from warren.admin.serve import LONGEST_PATH, PrivateServer, private_socket

DEADLINE = 10.0
"""Seconds that nothing here comes near; a test that hangs fails."""

GET_LIVEZ = b"GET /trino-gateway/livez HTTP/1.1\r\nHost: gw\r\n\r\n"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "own" / "1.sock"


@asynccontextmanager
async def serving(app: ASGIApp, path: Path) -> AsyncIterator[PrivateServer]:
    server = PrivateServer(app, private_socket(path))
    async with asyncio.timeout(DEADLINE), asyncio.TaskGroup() as group:
        group.create_task(server.run())
        try:
            yield server
        finally:
            server.stop()


async def read_answer(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(
        int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")
    )
    return head, await reader.readexactly(length)


async def test_requests_are_answered_on_one_connection(path: Path) -> None:
    async with serving(Own().app, path):
        reader, writer = await asyncio.open_unix_connection(path)
        for _ in range(3):
            writer.write(GET_LIVEZ)
            head, body = await read_answer(reader)
            assert head.startswith(b"HTTP/1.1 200 OK\r\n")
            assert head.lower().count(b"\r\ndate:") == 1
            assert b"\r\nserver:" not in head.lower()
            assert body == b"ok"
        writer.close()


async def test_a_path_is_decoded_once(path: Path) -> None:
    async with serving(Own().app, path):
        reader, writer = await asyncio.open_unix_connection(path)
        writer.write(
            b"GET /api/public/backends/a%2520b%2Fc HTTP/1.1\r\nHost: gw\r\nX-Warren-Client-Address: 192.0.2.7\r\n\r\n"
        )
        head, body = await read_answer(reader)
        assert head.startswith(b"HTTP/1.1 404 ")
        assert b"a%20b/c" in body
        writer.close()


async def test_a_body_that_is_too_long_is_refused_whole_and_harms_nothing(path: Path) -> None:
    length = 4 * LONGEST_BODY
    async with serving(Own().app, path):
        reader, writer = await asyncio.open_unix_connection(path)
        writer.write(
            b"POST /gateway/backend/modify/delete HTTP/1.1\r\nHost: gw\r\nX-Warren-Client-Address: 192.0.2.7\r\n"
        )
        writer.write(b"Content-Length: %d\r\n\r\n" % length)
        for _ in range(4):
            writer.write(b"x" * LONGEST_BODY)
            await writer.drain()
        head, body = await read_answer(reader)
        assert head.startswith(b"HTTP/1.1 413 ")
        assert str(LONGEST_BODY).encode() in body
        writer.write(GET_LIVEZ)
        assert (await read_answer(reader))[1] == b"ok"
        writer.close()


async def test_a_connection_made_early_waits_for_the_server(path: Path) -> None:
    listening = private_socket(path)
    reader, writer = await asyncio.open_unix_connection(path)
    writer.write(GET_LIVEZ)
    server = PrivateServer(Own().app, listening)
    async with asyncio.timeout(DEADLINE), asyncio.TaskGroup() as group:
        group.create_task(server.run())
        assert (await read_answer(reader))[1] == b"ok"
        writer.close()
        server.stop()


class Slow:
    """An app that answers when it is told to."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.may_answer = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.asked.set()
        await self.may_answer.wait()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"4")]})
        await send({"type": "http.response.body", "body": b"late"})


async def test_stopping_waits_for_running_requests_and_takes_no_more(path: Path) -> None:
    slow = Slow()
    async with serving(slow, path) as server:
        reader, writer = await asyncio.open_unix_connection(path)
        writer.write(GET_LIVEZ)
        await slow.asked.wait()
        server.stop()
        await refused(path)
        slow.may_answer.set()
        assert (await read_answer(reader))[1] == b"late"
        assert await reader.read() == b""
        writer.close()


async def refused(path: Path) -> None:
    while True:
        try:
            _, writer = await asyncio.open_unix_connection(path)
        except ConnectionRefusedError:
            return
        writer.close()
        await asyncio.sleep(0)


async def test_cancelling_cuts_everything_off(path: Path) -> None:
    slow = Slow()
    server = PrivateServer(slow, private_socket(path))
    async with asyncio.timeout(DEADLINE), asyncio.TaskGroup() as group:
        running = group.create_task(server.run())
        reader, writer = await asyncio.open_unix_connection(path)
        writer.write(GET_LIVEZ)
        await slow.asked.wait()
        running.cancel()
        with pytest.raises(asyncio.IncompleteReadError):
            await read_answer(reader)
        writer.close()
    assert running.cancelled()
    await refused(path)


async def test_signals_stay_the_instances(path: Path) -> None:
    before = [signal_handlers()]
    async with serving(Own().app, path):
        reader, writer = await asyncio.open_unix_connection(path)
        writer.write(GET_LIVEZ)
        await read_answer(reader)
        writer.close()
        assert [signal_handlers()] == before


def signal_handlers() -> tuple[object, object]:
    return signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)


def test_only_this_user_can_open_the_socket(path: Path) -> None:
    with private_socket(path):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_an_open_directory_is_closed_to_others(path: Path) -> None:
    path.parent.mkdir(mode=0o755)
    with private_socket(path):
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_what_an_earlier_run_left_is_replaced(path: Path) -> None:
    private_socket(path).close()
    assert path.exists()
    with private_socket(path), socket.socket(socket.AF_UNIX) as client:
        client.connect(os.fspath(path))


@pytest.mark.parametrize("obstacle", [Path.touch, Path.mkdir, lambda path: path.symlink_to("/etc/hostname")])
def test_nothing_but_a_socket_is_replaced(path: Path, obstacle: Callable[[Path], None]) -> None:
    path.parent.mkdir()
    obstacle(path)
    with pytest.raises(FileExistsError, match="stateDirectory"):
        private_socket(path)
    assert os.path.lexists(path)


def test_a_path_that_is_too_long_says_so(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=f"{LONGEST_PATH} bytes"):
        private_socket(tmp_path / ("x" * LONGEST_PATH))
