"""What the troubleshooting of the page about Valkey quotes is what real servers and the system make an instance say."""

import re
from collections.abc import Callable
from typing import Any

import pytest

from tests.docs.pages import DOCS
from tests.fixtures.child import free_port
from tests.fixtures.valkey import ValkeyByTls, ValkeyProcess
from tests.memory.distributed.caches import placed
from warren.drivers.valkey.replies import Refusal
from warren.drivers.valkey.topology import Cluster, servers
from warren.errors import StoreUnavailable
from warren.memory.distributed.keys import Keys
from warren.settings.stores.valkey import ValkeyConfiguration

pytestmark = pytest.mark.slow

TABLE = (DOCS / "valkey-configuration.md").read_text().partition("## Troubleshooting")[2].partition("```")[0]
QUOTED = {words for row in re.findall(r"^\| (.+?) \|", TABLE, re.MULTILINE) for words in re.findall(r'"(.+?)"', row)}


async def said(*, within: float = 5.0, **written: Any) -> str:
    """Why a placement could not be written."""
    configuration = {"host": "127.0.0.1", **written} if {"cluster", "sentinel"}.isdisjoint(written) else written
    settings = ValkeyConfiguration.model_validate(configuration, by_alias=True, by_name=False).server
    those = servers(settings)
    try:
        if isinstance(those, Cluster):
            await those.refresh()
        keys = Keys("trino:query", 1800, in_cluster=False)
        replies = await those.of(keys.backend(placed(1).query_id)).ask(keys.keep(placed(1)), within=within)
    except StoreUnavailable as error:
        return str(error)
    finally:
        await those.close()
    return next(reply.words for reply in replies if isinstance(reply, Refusal))


def protect(server: ValkeyProcess) -> None:
    server.configure("requirepass", "s3cret")


def fill(server: ValkeyProcess) -> None:
    server.configure("maxmemory", "1")


def follow(server: ValkeyProcess) -> None:
    server.run("REPLICAOF", "127.0.0.1", free_port())


def forbid(server: ValkeyProcess) -> None:
    server.run("ACL", "SETUSER", "reader", "on", ">s3cret", "~*", "+getrange", "+client|setname")


def nothing(_server: ValkeyProcess) -> None:
    pass


@pytest.mark.parametrize(
    ("trouble", "written", "words"),
    [
        (ValkeyProcess.kill, {}, "Connection refused"),
        (nothing, {"host": "nobody.invalid"}, "Name or service not known"),
        (protect, {}, "Authentication required"),
        (protect, {"password": "wrong"}, "invalid username-password pair"),
        (nothing, {"password": "s3cret"}, "without any password configured"),
        (nothing, {"database": 99}, "DB index is out of range"),
        (forbid, {"username": "reader", "password": "s3cret"}, "NOPERM"),
        (fill, {}, "OOM"),
        (follow, {}, "READONLY"),
    ],
)
async def test_a_single_server(
    valkey_server: ValkeyProcess, trouble: Callable[[ValkeyProcess], None], written: dict[str, Any], words: str
) -> None:
    trouble(valkey_server)
    assert words in await said(port=valkey_server.port, **written)
    assert words in QUOTED


async def test_a_silent_server(valkey_server: ValkeyProcess) -> None:
    with valkey_server.hung():
        assert "did not answer within" in await said(port=valkey_server.port, within=0.1)
    assert "did not answer within" in QUOTED


async def test_sentinels_and_clusters_that_are_none(valkey_server: ValkeyProcess) -> None:
    nodes = [f"127.0.0.1:{valkey_server.port}"]
    assert "cluster support disabled" in await said(cluster={"nodes": nodes})
    assert "the Sentinels name no primary" in await said(sentinel={"master": "gateways", "nodes": nodes})
    assert {"cluster support disabled", "the Sentinels name no primary"} <= QUOTED


async def test_tls(valkey_tls: ValkeyByTls) -> None:
    ours = {"enabled": True, "caFile": str(valkey_tls.authority)}
    assert "certificate verify failed" in await said(port=valkey_tls.port, tls={"enabled": True})
    assert "certificate verify failed" in await said(port=valkey_tls.misnamed_port, tls=ours)
    assert "Connection closed by server" in await said(port=valkey_tls.mutual_port, tls=ours)
    assert "Connection closed by server" in await said(port=valkey_tls.port)
    assert {"certificate verify failed", "Connection closed by server"} <= QUOTED
