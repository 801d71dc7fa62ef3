"""The Valkey servers that tests stand on do what their names say."""

import contextlib
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import valkey

from tests.fixtures.child import free_port
from tests.fixtures.rough import RoughProxy, rough
from tests.fixtures.valkey import RedisByTls, ValkeyByTls, ValkeyProcess, started
from tests.fixtures.valkey_sets import ClusterSet, SentinelSet, role

pytestmark = pytest.mark.slow

SECONDS = 5.0


def client(port: int, **options: object) -> valkey.Valkey:
    return valkey.Valkey("127.0.0.1", port, **{"socket_timeout": SECONDS, "decode_responses": True, **options})  # type: ignore[arg-type] # options of that class


def ping(port: int, **options: object) -> bool:
    asking = client(port, **options)
    try:
        return bool(asking.ping())
    finally:
        asking.close()


def test_a_server_keeps_its_port_and_only_what_was_saved(valkey_server: ValkeyProcess) -> None:
    port = valkey_server.port
    valkey_server.run("SET", "a", "b")
    valkey_server.save()
    valkey_server.run("SET", "c", "d")
    valkey_server.restart()
    assert (valkey_server.port, valkey_server.run("GET", "a"), valkey_server.run("GET", "c")) == (port, "b", None)


def test_a_stopped_server_takes_connections_and_is_silent(valkey_server: ValkeyProcess) -> None:
    with valkey_server.hung(), pytest.raises(valkey.TimeoutError):
        ping(valkey_server.port, socket_timeout=0.1)
    assert ping(valkey_server.port)


def test_a_killed_server_refuses_until_it_is_started_again(valkey_server: ValkeyProcess) -> None:
    valkey_server.kill()
    with pytest.raises(valkey.ConnectionError):
        ping(valkey_server.port)
    valkey_server.start()
    assert ping(valkey_server.port)


def test_a_server_can_be_full_or_read_only(valkey_server: ValkeyProcess) -> None:
    valkey_server.run("SET", "a", "b")
    for trouble, refusal in [
        (valkey_server.full, valkey.OutOfMemoryError),
        (valkey_server.read_only, valkey.ReadOnlyError),
    ]:
        with trouble():
            assert valkey_server.run("GET", "a") == "b"
            with pytest.raises(refusal):
                valkey_server.run("SET", "a", "c")
        assert valkey_server.run("SET", "a", "b")


def test_the_tests_get_in_whatever_is_asked_of_others(valkey_server: ValkeyProcess) -> None:
    valkey_server.configure("requirepass", "secret")
    with pytest.raises(valkey.AuthenticationError):
        ping(valkey_server.port)
    valkey_server.run("ACL", "SETUSER", "reader", "on", ">secret", "~a", "+get", "+ping")
    assert ping(valkey_server.port, username="reader", password="secret")
    with pytest.raises(valkey.exceptions.NoPermissionError):
        client(valkey_server.port, username="reader", password="secret").set("a", "b")


def test_a_server_takes_options_of_its_own(tmp_path: Path) -> None:
    server = ValkeyProcess(tmp_path, "--rename-command", "GET", "FETCH")
    with started(server):
        assert server.run("FETCH", "a") is None
        with pytest.raises(valkey.ResponseError, match="unknown command"):
            server.run("GET", "a")


def test_a_server_ends_also_when_its_test_fails(tmp_path: Path) -> None:
    server = ValkeyProcess(tmp_path)
    seen: list[psutil.Process] = []

    def fail() -> None:
        with started(server):
            seen.append(psutil.Process(server.pid))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError) as failed:
        fail()
    assert not seen[0].is_running()
    assert "Ready to accept connections" in "".join(failed.value.__notes__)


def test_sentinels_replace_a_primary_that_is_lost(valkey_sentinel: SentinelSet) -> None:
    before = valkey_sentinel.primary
    assert (before, role(before)) == (valkey_sentinel.servers[0], "master")
    before.run("SET", "a", "b")
    before.run("WAIT", 2, 5000)
    after = valkey_sentinel.fail_over()
    assert after is not before
    assert after.run("GET", "a") == "b"
    assert after.run("SET", "a", "c")


def test_a_cluster_goes_on_without_one_of_its_primaries(valkey_cluster: ClusterSet) -> None:
    before = valkey_cluster.primary_of("a")
    assert before.run("SET", "a", "b")
    before.run("WAIT", 1, 5000)
    after = valkey_cluster.lose_primary_of("a")
    assert after in valkey_cluster.running
    assert after.run("GET", "a") == "b"


def by_tls(port: int, files: ValkeyByTls, **options: object) -> bool:
    return ping(port, **{"ssl": True, "ssl_check_hostname": True, "ssl_ca_certs": str(files.authority), **options})


def test_a_server_can_be_asked_by_tls(valkey_tls: ValkeyByTls) -> None:
    assert by_tls(valkey_tls.port, valkey_tls)
    for port, options in [
        (valkey_tls.port, {"ssl_ca_certs": str(valkey_tls.stranger)}),
        (valkey_tls.misnamed_port, {}),
        (valkey_tls.mutual_port, {}),
    ]:
        with pytest.raises(valkey.ConnectionError):
            by_tls(port, valkey_tls, **options)
    assert by_tls(valkey_tls.misnamed_port, valkey_tls, ssl_check_hostname=False)
    ours = {"ssl_certfile": str(valkey_tls.client.certificate), "ssl_keyfile": str(valkey_tls.client.key)}
    assert by_tls(valkey_tls.mutual_port, valkey_tls, **ours)


def test_a_redis_can_be_asked_by_tls_and_without(redis_server: RedisByTls) -> None:
    assert "redis_version" in redis_server.server.run("INFO", "server")
    assert ping(redis_server.port, ssl=True, ssl_check_hostname=True, ssl_ca_certs=str(redis_server.authority))


@pytest.fixture
def proxy(valkey_server: ValkeyProcess) -> Iterator[RoughProxy]:
    with rough(valkey_server.port) as made:
        yield made


def took(proxy: RoughProxy) -> float:
    began = time.monotonic()
    assert ping(proxy.port, lib_name=None, lib_version=None)
    return time.monotonic() - began


def test_a_rough_proxy_delays_each_answer_or_one(proxy: RoughProxy) -> None:
    assert took(proxy) < 0.1
    proxy.delay(0.2)
    assert 0.2 <= took(proxy) < SECONDS
    assert took(proxy) >= 0.2
    proxy.delay_next(0.2)
    assert took(proxy) >= 0.2
    assert took(proxy) < 0.2


def test_delayed_answers_of_one_connection_do_not_wait_for_each_other(proxy: RoughProxy) -> None:
    with socket.create_connection(("127.0.0.1", proxy.port), SECONDS) as raw:
        raw.sendall(b"PING\r\n")
        assert raw.recv(100) == b"+PONG\r\n"
        proxy.delay(0.3)
        began = time.monotonic()
        received = b""
        for _ in range(4):
            raw.sendall(b"PING\r\n")
        while len(received) < 28:
            received += raw.recv(100)
        assert time.monotonic() - began < 0.6


def test_a_rough_proxy_hangs_and_then_gives_what_it_held(proxy: RoughProxy) -> None:
    with socket.create_connection(("127.0.0.1", proxy.port), SECONDS) as raw:
        proxy.hang()
        raw.sendall(b"PING\r\n")
        raw.settimeout(0.1)
        with pytest.raises(TimeoutError):
            raw.recv(100)
        proxy.behave()
        raw.settimeout(SECONDS)
        assert raw.recv(100) == b"+PONG\r\n"


def test_a_rough_proxy_refuses_and_listens_again(proxy: RoughProxy) -> None:
    with socket.create_connection(("127.0.0.1", proxy.port), SECONDS) as raw:
        assert ping(proxy.port)
        proxy.refuse()
        with contextlib.suppress(ConnectionResetError):  # which of the two depends on how far the proxy has come
            assert raw.recv(1) == b""
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", proxy.port), SECONDS)
    proxy.behave()
    assert ping(proxy.port)


def test_a_rough_proxy_answers_garbage_or_half_an_answer(proxy: RoughProxy) -> None:
    for spoil, received in [(proxy.garble, b"\x00\xff<html>502 Bad Gateway</html>\r\n"), (proxy.cut, b"+PO")]:
        spoil()
        with socket.create_connection(("127.0.0.1", proxy.port), SECONDS) as raw:
            raw.sendall(b"PING\r\n")
            assert raw.recv(100) == received
    proxy.behave()
    assert ping(proxy.port)


def test_a_rough_proxy_before_nothing_closes_what_it_takes() -> None:
    with rough(free_port()) as proxy, socket.create_connection(("127.0.0.1", proxy.port), SECONDS) as raw:
        assert raw.recv(1) == b""
        assert proxy.accepted == 1


async def test_a_rough_proxy_can_be_used_from_a_loop(proxy: RoughProxy) -> None:
    asking = valkey.asyncio.Valkey(port=proxy.port, socket_timeout=0.2)
    try:
        assert await asking.ping()
        proxy.hang()
        with pytest.raises(valkey.TimeoutError):
            await asking.ping()
    finally:
        await asking.aclose()
