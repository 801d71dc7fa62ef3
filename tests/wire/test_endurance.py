"""Large bodies, many connections, no descriptors: the gateway is a process of its own, and its memory is measured."""

import gzip
import hashlib
import os
import re
import resource
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.fixtures.child import wait_for
from tests.wire.messages import GET, OK, post

pytestmark = pytest.mark.timeout(600)

MIB = 1024 * 1024
BLOCK = os.urandom(MIB)
"""Bytes of every kind; a body is this many times over."""

GROWTH = MIB
"""What a stream may cost, at its highest."""


@dataclass(frozen=True)
class Gateway:
    port: int
    pid: int
    cluster: socket.socket

    def client(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=60)

    def memory(self, what: str = "VmRSS") -> int:
        """Bytes of resident memory now, or at its highest (`VmHWM`)."""
        found = re.search(rf"{what}:\s+(\d+) kB", Path(f"/proc/{self.pid}/status").read_text())
        assert found is not None
        return int(found[1]) * 1024

    def descriptors(self) -> int:
        """How many it has open."""
        return len(list(Path(f"/proc/{self.pid}/fd").iterdir()))


@contextmanager
def running(*, descriptors: int = 1024) -> Iterator[Gateway]:
    if not Path("/proc/self/status").exists():
        pytest.skip("the memory of a process is read from /proc, which this machine does not have")
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as cluster:
        command = [sys.executable, "-m", "tests.wire.gateway_process", str(cluster.getsockname()[1]), str(descriptors)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=Path(__file__).parents[2]) as process:
            try:
                assert process.stdout is not None
                yield Gateway(int(process.stdout.readline()), process.pid, cluster)
                assert process.poll() is None, "the gateway has ended"
            finally:
                process.kill()


@contextmanager
def answering(gateway: Gateway, serve: Callable[[socket.socket], None]) -> Iterator[None]:
    """The cluster takes one connection and serves it in a thread."""
    failures: list[BaseException] = []

    def run() -> None:
        try:
            gateway.cluster.settimeout(20)
            connection, _ = gateway.cluster.accept()
            connection.settimeout(20)
            with connection:
                serve(connection)
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    yield
    thread.join(60)
    assert not thread.is_alive()
    assert failures == []


def head_of(connection: socket.socket) -> tuple[bytes, bytes]:
    """A head, and what came with it."""
    got = b""
    while b"\r\n\r\n" not in got:
        piece = connection.recv(65536)
        assert piece
        got += piece
    head, end, rest = got.partition(b"\r\n\r\n")
    return head + end, rest


def digest(connection: socket.socket, first: bytes, size: int) -> str:
    """The hash of the next `size` bytes."""
    seen = hashlib.sha256(first)
    size -= len(first)
    while size:
        piece = connection.recv(min(size, MIB))
        assert piece, f"{size} bytes are missing"
        seen.update(piece)
        size -= len(piece)
    return seen.hexdigest()


def blocks(count: int) -> str:
    seen = hashlib.sha256()
    for _ in range(count):
        seen.update(BLOCK)
    return seen.hexdigest()


def carry_answer(count: int, *, chunked: bool) -> None:
    start, end = (b"%x\r\n" % MIB, b"\r\n") if chunked else (b"", b"")
    last = b"0\r\n\r\n" if chunked else b""
    framing = b"Transfer-Encoding: chunked" if chunked else b"Content-Length: %d" % (count * MIB)

    def serve(connection: socket.socket) -> None:
        head_of(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\n" + framing + b"\r\n\r\n")
        for _ in range(count):
            connection.sendall(start + BLOCK + end)
        connection.sendall(last)

    with running() as gateway, gateway.client() as client, answering(gateway, serve):
        before = gateway.memory()
        client.sendall(GET)
        _, rest = head_of(client)
        expected = hashlib.sha256()
        for _ in range(count):
            expected.update(start + BLOCK + end)
        expected.update(last)
        size = count * len(start + BLOCK + end) + len(last)
        assert digest(client, rest, size) == expected.hexdigest()
        assert gateway.memory("VmHWM") - before < GROWTH


def carry_post(count: int) -> None:
    def serve(connection: socket.socket) -> None:
        _, rest = head_of(connection)
        assert digest(connection, rest, count * MIB) == blocks(count)
        connection.sendall(OK)

    with running() as gateway, gateway.client() as client, answering(gateway, serve):
        before = gateway.memory()
        client.sendall(post(count * MIB))
        for _ in range(count):
            client.sendall(BLOCK)
        assert head_of(client) == (OK[:-2], b"ok")
        assert gateway.memory("VmHWM") - before < GROWTH


@pytest.mark.slow
@pytest.mark.parametrize("chunked", [True, False])
def test_a_large_answer_arrives_byte_for_byte_and_costs_no_memory(*, chunked: bool) -> None:
    carry_answer(32, chunked=chunked)


@pytest.mark.slow
def test_a_large_post_arrives_byte_for_byte_and_costs_no_memory() -> None:
    carry_post(32)


@pytest.mark.soak
@pytest.mark.parametrize("chunked", [True, False])
def test_an_answer_of_a_gibibyte(*, chunked: bool) -> None:
    carry_answer(1024, chunked=chunked)


@pytest.mark.soak
def test_a_post_of_100_mebibytes() -> None:
    carry_post(100)


@pytest.mark.slow
def test_a_compressed_answer_is_not_touched() -> None:
    content = gzip.compress(BLOCK)

    def serve(connection: socket.socket) -> None:
        head_of(connection)
        connection.sendall(
            b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(content) + content
        )

    with running() as gateway, gateway.client() as client, answering(gateway, serve):
        client.sendall(GET)
        head, rest = head_of(client)
        assert head == b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(content)
        assert digest(client, rest, len(content)) == hashlib.sha256(content).hexdigest()


def poll(gateway: Gateway, client: socket.socket, *, times: int) -> None:
    def serve(connection: socket.socket) -> None:
        for _ in range(times):
            head_of(connection)
            connection.sendall(OK)

    with answering(gateway, serve):
        for _ in range(times):
            client.sendall(GET)
            head, rest = head_of(client)
            assert head.startswith(b"HTTP/1.1 200 ")
            assert rest == b"ok"


@pytest.mark.soak
def test_ten_thousand_idle_connections() -> None:
    count = 10_000
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < count + 1000:
        pytest.skip(f"this process may open {hard} files at most")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    try:
        with running(descriptors=hard) as gateway, ExitStack() as stack:
            before = gateway.memory()
            for _ in range(count):
                stack.enter_context(gateway.client())
            with gateway.client() as client:
                poll(gateway, client, times=100)
            assert (gateway.memory() - before) / count < 20 * 1024
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.slow
def test_without_descriptors_it_refuses_and_recovers() -> None:
    with running(descriptors=48) as gateway:
        before = gateway.descriptors()
        crowd = [gateway.client() for _ in range(100)]
        try:
            answers = [said_to(client) for client in crowd]
        finally:
            for client in crowd:
                client.close()
        # Those who were let in find no descriptor for their cluster, and are told so; the others are closed at once.
        told = [answer for answer in answers if answer.startswith(b"HTTP/1.1 503 ")]
        assert 30 < len(told) < 48
        assert all(b"this gateway cannot open another connection: Too many open files" in answer for answer in told)
        assert answers.count(b"") >= len(answers) - len(told) - 1  # one may have got the last descriptor
        # Clients that were still waiting to be let in are let in now, asked for, and gone.
        wait_for(lambda: gateway.descriptors() <= before, seconds=10, what="the gateway to close what the crowd left")
        drop_all(gateway.cluster)
        with gateway.client() as client:
            poll(gateway, client, times=10)


def said_to(client: socket.socket) -> bytes:
    """The answer to a request; empty when the connection was closed without one."""
    client.settimeout(1)
    try:
        client.sendall(GET)
        return client.recv(1000)
    except TimeoutError:
        return b"nothing"
    except OSError:
        return b""


def drop_all(listener: socket.socket) -> None:
    """Close the connections that wait to be accepted."""
    listener.setblocking(False)
    try:
        while True:
            listener.accept()[0].close()
    except BlockingIOError:
        pass
