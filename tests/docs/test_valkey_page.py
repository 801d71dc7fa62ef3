"""What the page about Valkey says holds on a real server: the ways to look and to remove, the rules for a user, the memory."""

import asyncio
import re
import shutil
import subprocess
from contextlib import closing
from pathlib import Path

import pytest
import valkey

from tests.docs.pages import DOCS, Block, blocks, commands
from tests.docs.valkey_cli import place_valkey_cli
from tests.fixtures.valkey import ValkeyProcess
from tests.fixtures.valkey_sets import ClusterSet
from tests.memory.distributed.caches import GREEN, cache_at, placed, query, until
from warren.drivers.valkey.pubsub import ValkeyChannel
from warren.model import CoordinatorId
from warren.settings.describe import every_setting, split
from warren.settings.stores.valkey import ValkeyConfiguration

pytestmark = pytest.mark.slow

PAGE = DOCS / "valkey-configuration.md"
TEXT = PAGE.read_text()
ID = "20260416_160256_03078_6b4yt"
PLACEMENT = {"backend": "http://trino-blue:8080", "routinggroup": "adhoc", "externalurl": "https://trino-blue"}
PROGRAMS = [pytest.param(None, id="stand-in")]
if shutil.which("redis-cli"):
    PROGRAMS.append(pytest.param(shutil.which("redis-cli"), id="redis-cli"))


def command(beginning: str) -> str:
    """The only command of the page that begins so."""
    (found,) = {
        line
        for block in blocks(PAGE)
        if block.language == "bash"
        for line in commands(block)
        if line.startswith(beginning)
    }
    return found


def place(server: ValkeyProcess, query_id: str) -> None:
    for part, value in PLACEMENT.items():
        server.run("SET", f"trino:query:{part}:{query_id}", value, "EX", 1800)


@pytest.fixture(params=PROGRAMS)
def shell(request: pytest.FixtureRequest, valkey_server: ValkeyProcess, tmp_path: Path) -> "Shell":
    return Shell(place_valkey_cli(tmp_path / "bin", valkey_server.port, real=request.param))


class Shell:
    """Runs commands with `valkey-cli` on the path."""

    def __init__(self, programs: Path) -> None:
        self._programs = programs

    def lines(self, written: str) -> list[str]:
        """What it says. Raises CalledProcessError."""
        path = {"PATH": f"{self._programs}:/usr/bin:/bin"}
        script = ["bash", "-eo", "pipefail", "-c", written]
        return subprocess.run(
            script, env=path, check=True, capture_output=True, text=True, timeout=30
        ).stdout.splitlines()


def test_an_entry_is_seen_counted_and_removed(shell: Shell, valkey_server: ValkeyProcess) -> None:
    place(valkey_server, ID)
    place(valkey_server, "20260416_160256_03079_6b4yt")
    assert shell.lines(command("valkey-cli mget")) == list(PLACEMENT.values())
    (seconds,) = shell.lines(command("valkey-cli ttl"))
    assert 0 < int(seconds) <= 1800
    assert shell.lines(command("valkey-cli --scan --pattern 'trino:query:backend:*' |"))[0].strip() == "2"
    assert shell.lines(command("valkey-cli unlink")) == ["3"]
    assert valkey_server.run("DBSIZE") == 3


def test_all_entries_are_removed_and_nothing_else(shell: Shell, valkey_server: ValkeyProcess) -> None:
    for number in range(100):
        place(valkey_server, f"20260416_160256_{number:05}_6b4yt")
    valkey_server.run("SET", "somebody:else", "x")
    removed = shell.lines(command("valkey-cli --scan --pattern 'trino:query:*' |"))
    assert sum(map(int, removed)) == 300
    assert valkey_server.run("KEYS", "*") == ["somebody:else"]


def test_a_refusal_of_the_server_fails_the_command(shell: Shell) -> None:
    with pytest.raises(subprocess.CalledProcessError):
        shell.lines("valkey-cli nonsense")


async def test_the_user_of_the_page_may_do_what_a_gateway_does_and_no_more(
    shell: Shell, valkey_server: ValkeyProcess
) -> None:
    await asyncio.to_thread(shell.lines, command("valkey-cli acl setuser"))
    assert await asyncio.to_thread(shell.lines, command("valkey-cli --no-auth-warning")) == ["PONG"]
    settings = as_gateway({"host": "127.0.0.1", "port": valkey_server.port, "database": 1})
    await do_all_that_a_gateway_does(settings)
    user = valkey.Valkey(
        port=valkey_server.port, username="gateway", password="s3cret", lib_name=None, lib_version=None
    )
    with closing(user) as gateway:
        for forbidden in [
            ("GETRANGE", "other", 0, 1),
            ("SET", "other", "x"),
            ("KEYS", "*"),
            ("FLUSHALL",),
            ("CONFIG", "GET", "*"),
            ("PUBLISH", "other", "x"),
        ]:
            with pytest.raises(valkey.exceptions.NoPermissionError):
                gateway.execute_command(*forbidden)


async def test_it_may_do_so_in_a_cluster(valkey_cluster: ClusterSet, tmp_path: Path) -> None:
    def permit() -> None:
        for node in valkey_cluster.nodes:
            Shell(place_valkey_cli(tmp_path / "bin", node.port, real=None)).lines(command("valkey-cli acl setuser"))

    await asyncio.to_thread(permit)
    nodes = [f"127.0.0.1:{node.port}" for node in valkey_cluster.nodes]
    await do_all_that_a_gateway_does(as_gateway({"cluster": {"nodes": nodes}}))


def as_gateway(where: dict[str, object]) -> ValkeyConfiguration:
    who = {"enabled": True, "username": "gateway", "password": "s3cret", "request_budget_ms": 5000}
    return ValkeyConfiguration.model_validate({**who, **where})


async def do_all_that_a_gateway_does(settings: ValkeyConfiguration) -> None:
    """Raises what a server refuses, and TimeoutError."""
    async with asyncio.timeout(30), cache_at(settings) as here:
        if settings.cluster is not None:
            await until(lambda: bool(here.state()["servers"]), "the nodes to be known")
        here.keep_later(placed(1))
        here.renew_later(placed(2))
        here.learn_later(CoordinatorId("6b4yt"), GREEN)
        for number in (1, 2, 99):
            while await here.find(query(number)) is None:
                pass
        await here.keep(placed(3))
        assert here.counts.write_errors == 0
        listening, heard = asyncio.Event(), asyncio.Event()
        channel = ValkeyChannel("trino:query:clusters", settings.server)
        async with asyncio.TaskGroup() as group:
            ear = group.create_task(channel.listen(lambda _: heard.set(), listening=listening.set))
            await listening.wait()
            await channel.publish("changed")
            await heard.wait()
            ear.cancel()
        await channel.close()


def test_a_placement_takes_what_the_page_says(valkey_server: ValkeyProcess) -> None:
    found = re.search(r"placements: (\d+) to (\d+) bytes\nfor all three", TEXT)
    assert found is not None
    number = 20_000
    before = valkey_server.run("INFO", "memory")["used_memory"]
    with closing(valkey.Valkey(port=valkey_server.port)) as client, client.pipeline(transaction=False) as written:
        for index in range(number):
            query_id = f"20260416_{index // 3600:02}{index // 60 % 60:02}{index % 60:02}_{index:05}_6b4yt"
            written.set(f"trino:query:backend:{query_id}", "http://trino-blue.example.com:8080", ex=1800)
            written.set(f"trino:query:routinggroup:{query_id}", "adhoc", ex=1800)
            written.set(f"trino:query:externalurl:{query_id}", "https://trino-blue.example.com", ex=1800)
        written.execute()
    took = (valkey_server.run("INFO", "memory")["used_memory"] - before) / number
    assert int(found[1]) * 0.8 < took < int(found[2]) * 1.2
    assert 1000 * 30 * 500 == 15_000_000


def test_the_page_has_every_key_of_the_section_with_its_default() -> None:
    for setting in every_setting():
        section, key = split(setting.key)
        if section == "valkeyConfiguration":
            rows = re.findall(rf"^\|[^|]*`{re.escape(key)}`[^|]*\| ([^|]+?) \|", TEXT, re.MULTILINE)
            default = f"`{setting.default}`" if setting.default not in {"", "required"} else None
            assert rows, f"{key} is not on the page"
            assert default in (None, rows[0]), f"the page says {rows[0]} for {key}"


def test_the_shares_of_the_hit_table_follow_from_its_rule() -> None:
    for requests, *shares in re.findall(
        r"^\| (\d+) \| ([\d.]+) %.* \| ([\d.]+) % \| ([\d.]+) % \|$", TEXT, re.MULTILINE
    ):
        for instances, share in zip((2, 3, 10), shares, strict=True):
            assert float(share) == pytest.approx(100 * (1 - (instances - 1) / int(requests)), abs=0.5)


def test_connections_at_the_server_follow_from_their_rule() -> None:
    rows = re.findall(r"^\| (?:\d+ to )?(\d+) \| (\d+), \d+, \d+ \| ([\d,]+) \|$", TEXT, re.MULTILINE)
    assert [int(instances) * (int(most) + 2) for instances, most, _ in rows] == [
        int(said.replace(",", "")) for *_, said in rows
    ]
    assert len(rows) == 4


def test_the_page_has_commands_and_configurations() -> None:
    found: list[Block] = list(blocks(PAGE))
    assert len([block for block in found if block.language == "yaml"]) >= 9
    assert len([block for block in found if block.language == "bash"]) >= 10
