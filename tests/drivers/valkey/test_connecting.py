"""Connections to real servers: who is let in, and to which database."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from pydantic import SecretStr

from tests.fixtures.valkey import ValkeyProcess, started
from warren.drivers.valkey.connecting import CLIENT_NAME
from warren.drivers.valkey.topology import Single, servers
from warren.errors import StoreUnavailable
from warren.settings.stores.valkey import ValkeyConfiguration

PING = [(b"PING",)]
SET = [(b"SET", b"trino:query:x", b"1")]


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[ValkeyProcess]:
    """The default user has the password `hunter2`; `warren`, with `s3cret`, may use our keys and nothing else."""
    rights = ["~trino:query:*", "+set", "+ping", "+client|setname", "+select"]
    acl = ["--user", "warren", "on", ">s3cret", *rights]
    server = ValkeyProcess(tmp_path / "guarded", "--requirepass", "hunter2", *acl)
    with started(server):
        yield server


async def said(server: ValkeyProcess, commands: Sequence[tuple[bytes, ...]], **settings: object) -> list[object]:
    """`url` stands for itself; everything else is laid over host and port."""
    written = settings if "url" in settings else {"host": "127.0.0.1", "port": server.port, **settings}
    there = servers(ValkeyConfiguration.model_validate(written).server)
    try:
        return list(await there.of(b"").ask(commands, within=5))
    finally:
        await there.close()


@pytest.mark.parametrize(
    "who",
    [
        {"password": SecretStr("hunter2")},
        {"username": "warren", "password": SecretStr("s3cret")},
        {"username": "warren", "password": SecretStr("s3cret"), "database": 3},
    ],
)
async def test_who_has_the_password_is_let_in(guarded: ValkeyProcess, who: dict[str, object]) -> None:
    assert await said(guarded, SET, **who) == [b"OK"]


@pytest.mark.parametrize(
    "who", [{}, {"password": SecretStr("wrong")}, {"username": "warren", "password": SecretStr("hunter2")}]
)
async def test_who_has_not_is_told_so_without_the_password(guarded: ValkeyProcess, who: dict[str, object]) -> None:
    with pytest.raises(StoreUnavailable) as raised:
        await said(guarded, SET, **who)
    assert f"127.0.0.1:{guarded.port}" in str(raised.value)
    for secret in ("wrong", "hunter2"):
        assert secret not in str(raised.value).replace("username-password", "")


async def test_a_password_in_a_url_is_decoded(tmp_path: Path) -> None:
    server = ValkeyProcess(tmp_path / "valkey", "--requirepass", "p@ss/w:rd")
    with started(server):
        for scheme in ("valkey", "redis"):
            url = SecretStr(f"{scheme}://:p%40ss%2Fw%3Ard@127.0.0.1:{server.port}/5")
            assert await said(server, SET, url=url) == [b"OK"]
        assert server.run("DBSIZE") == 0, "database 0 is empty"


async def test_the_database_is_honoured_without_a_password(valkey_server: ValkeyProcess) -> None:
    assert await said(valkey_server, SET, database=2) == [b"OK"]
    assert valkey_server.run("EXISTS", "trino:query:x") == 0
    assert await said(valkey_server, [(b"EXISTS", b"trino:query:x")], database=2) == [1]


async def test_our_connections_have_a_name(valkey_server: ValkeyProcess) -> None:
    replies = await said(valkey_server, [(b"CLIENT", b"GETNAME")])
    assert replies == [CLIENT_NAME.encode()]


def test_one_server_has_the_address_as_its_name() -> None:
    there = servers(ValkeyConfiguration(host="::1", port=7).server).of(b"")
    assert isinstance(there, Single)
    assert there.name == "[::1]:7"
