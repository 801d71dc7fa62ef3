"""The command line, as a person meets it: words on the screen and exit codes."""

import asyncio
import os
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
import yaml
from click.testing import CliRunner

from tests.fixtures.child import Child, free_port
from warren import __version__
from warren.cli.main import main
from warren.simulator.coordinator import Simulator

COMMANDS = ("serve", "check", "migrate", "explain", "rules", "replay", "simulate", "demo")


@pytest.fixture
def cli() -> Iterator[CliRunner]:
    """Commands run in this process; the logging that they configure is undone."""
    yield CliRunner()
    structlog.reset_defaults()


def written(directory: Path, settings: object) -> str:
    path = directory / "config.yaml"
    path.write_text(settings if isinstance(settings, str) else yaml.safe_dump(settings))
    return str(path)


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """A process of its own, which must end by itself."""
    command = [sys.executable, "-m", "warren", *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=60, check=False, env={**os.environ, **environment}
    )


def test_help_names_every_command_and_what_it_is_for(cli: CliRunner) -> None:
    told = cli.invoke(main, ["--help"])
    assert told.exit_code == 0
    for command in COMMANDS:
        assert f"\n  {command} " in told.output
        helped = cli.invoke(main, [command, "-h"])
        assert helped.exit_code == 0
        assert helped.output.startswith(f"Usage: main {command} [OPTIONS]")
        assert len(helped.output.splitlines()[2]) > 40, "a sentence about it"
    assert cli.invoke(main, ["--version"]).output == f"warren, version {__version__}\n"


@pytest.mark.parametrize("arguments", [["nonsense"], ["serve", "--nonsense"], ["check"], ["check", "/nowhere.yaml"]])
def test_what_cannot_be_understood_is_said_with_the_way_to_help(cli: CliRunner, arguments: list[str]) -> None:
    told = cli.invoke(main, arguments)
    assert told.exit_code == 2
    assert "Try 'main" in told.output
    assert "Error: " in told.output


@pytest.mark.parametrize("number", ["0", "many", "1.5", "257"])
def test_a_number_of_workers_that_is_none_is_refused(cli: CliRunner, number: str) -> None:
    told = cli.invoke(main, ["serve", "--workers", number])
    assert told.exit_code == 2
    assert "write a number of processes, 1 to 256, or auto" in " ".join(told.stderr.split())


def test_check_says_everything_that_is_wrong_at_once(cli: CliRunner, tmp_path: Path) -> None:
    config = written(
        tmp_path,
        "serverConfig:\n"
        "  http-server.http.port: ninety\n"
        "  http-server.nonsense: 1\n"
        "monitor:\n"
        "  taskDelay: 10\n"
        "  taskDelays: 10s\n"
        "routing:\n"
        "  asyncTimeout: -1s\n"
        "authentication:\n"
        "  defaultType: form\n",
    )
    told = cli.invoke(main, ["check", config])
    assert told.exit_code == 1
    assert told.stderr.splitlines()[0] == f"{config}: 6 problems"
    for line, key in (
        (2, "http-server.http.port"),
        (3, "http-server.nonsense"),
        (5, "monitor.taskDelay"),
        (6, "monitor.taskDelays"),
        (8, "routing.asyncTimeout"),
        (10, "authentication"),
    ):
        (found,) = [each for each in told.stderr.splitlines() if each.startswith(f"  line {line}: ")]
        assert key in found
        assert len(found.split(": ")) >= 3, "with a remedy"


@pytest.mark.parametrize(
    "garbage",
    ["\x00\x01", "{", "[]", "just words", "a: &a [*a]", "serverConfig: 5", "? [a]: b", "a: !!python/object:x 1"],
)
def test_check_survives_every_garbage(cli: CliRunner, tmp_path: Path, garbage: str) -> None:
    told = cli.invoke(main, ["check", written(tmp_path, garbage)])
    assert told.exit_code == 1
    assert isinstance(told.exception, SystemExit), told.exception
    assert "problem" in told.stderr


def test_check_says_which_key_names_a_rules_file_that_is_not_there(cli: CliRunner, tmp_path: Path) -> None:
    config = written(tmp_path, "routingRules:\n  rulesEngineEnabled: true\n  rulesConfigPath: nope.yaml\n")
    told = cli.invoke(main, ["check", config])
    assert told.exit_code == 1
    assert told.stderr.splitlines()[1] == (
        f"  line 3: routingRules.rulesConfigPath: {tmp_path / 'nope.yaml'}: "
        "the rules file cannot be read: no such file or directory"
    )


def test_check_shows_no_secret(cli: CliRunner, tmp_path: Path) -> None:
    settings = {"dataStore": {"jdbcUrl": "jdbc:postgresql://h/d?nonsense=1", "user": "u", "password": ["hunter2"]}}
    told = cli.invoke(main, ["check", written(tmp_path, settings)])
    assert told.exit_code == 1
    assert "hunter2" not in told.output + told.stderr


def test_check_of_a_good_file_says_so_and_makes_nothing(cli: CliRunner, tmp_path: Path) -> None:
    config = written(tmp_path, {"stateDirectory": str(tmp_path / "state"), "serverConfig": {"log.path": "x"}})
    told = cli.invoke(main, ["check", config])
    assert told.exit_code == 0
    assert "note: " in told.output
    assert "log.path" in told.output
    assert told.output.splitlines()[-1] == f"{config}: nothing is wrong with it"
    assert [path.name for path in tmp_path.iterdir()] == ["config.yaml"]


def migrated(cli: CliRunner, directory: Path, rows: list[tuple[str, str]]) -> str:
    config = written(directory, {"dataStore": {"jdbcUrl": f"jdbc:sqlite:{directory / 'db.sqlite'}"}})
    assert cli.invoke(main, ["migrate", config]).exit_code == 0
    with sqlite3.connect(directory / "db.sqlite") as connection:
        connection.executemany(
            "INSERT INTO gateway_backend (name, routing_group, backend_url, external_url, active)"
            " VALUES (?1, 'adhoc', ?2, ?2, 1)",
            rows,
        )
    connection.close()
    return config


def test_migrate_makes_the_tables_once(cli: CliRunner, tmp_path: Path) -> None:
    config = written(tmp_path, {"dataStore": {"jdbcUrl": f"jdbc:sqlite:{tmp_path / 'db.sqlite'}"}})
    first, second = (cli.invoke(main, ["migrate", config]) for _ in range(2))
    assert first.output.splitlines()[-1].endswith("the tables were brought up to date")
    assert second.output.splitlines()[-1].endswith("the tables are up to date already")


def test_migrate_says_what_keeps_it_from_its_work(cli: CliRunner, tmp_path: Path) -> None:
    settings = {
        "dataStore": {"jdbcUrl": f"jdbc:postgresql://127.0.0.1:{free_port()}/d", "user": "u", "password": "hunter2"}
    }
    told = cli.invoke(main, ["migrate", written(tmp_path, settings)])
    assert told.exit_code == 1
    assert "the tables were not brought up to date" in told.stderr
    assert told.stderr.endswith("/d: connection refused\n")
    assert "hunter2" not in told.output + told.stderr


def test_check_connect_asks_the_database_and_each_cluster(cli: CliRunner, tmp_path: Path) -> None:
    gone = f"http://127.0.0.1:{free_port()}"
    config = migrated(cli, tmp_path, [("dead", gone), ("bad", "ftp://x")])
    told = cli.invoke(main, ["check", "--connect", config])
    assert told.exit_code == 1
    assert "db.sqlite: answers" in told.output
    assert f"cluster dead {gone}: unhealthy, connection refused" in told.output
    assert "ftp://x" in told.output
    assert told.stderr.splitlines()[-1] == f"{config}: the file is right, but not all that it leads to"


async def test_check_connect_finds_a_cluster_that_is_well(cli: CliRunner, tmp_path: Path) -> None:
    async with Simulator() as blue:
        config = await asyncio.to_thread(migrated, cli, tmp_path, [("blue", blue.url)])
        told = await asyncio.to_thread(cli.invoke, main, ["check", "--connect", config])
    assert told.exit_code == 0, told.output
    assert f"cluster blue {blue.url}: answers" in told.output


def test_check_connect_says_that_a_database_is_not_there(cli: CliRunner, tmp_path: Path) -> None:
    port = free_port()
    settings = {"dataStore": {"jdbcUrl": f"jdbc:postgresql://127.0.0.1:{port}/d", "user": "u", "password": "hunter2"}}
    told = cli.invoke(main, ["check", "--connect", written(tmp_path, settings)])
    assert told.exit_code == 1
    assert f"127.0.0.1:{port}/d: connection refused\n" in told.output
    assert "hunter2" not in told.output + told.stderr


@pytest.mark.slow
def test_serve_on_a_port_in_use_names_it_and_the_remedy(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        settings = {"serverConfig": {"http-server.http.port": port, "node.bind-ip": "127.0.0.1"}}
        ended = run("serve", written(tmp_path, settings))
    assert ended.returncode == 1
    assert f"serverConfig.http-server.http.port: 127.0.0.1, port {port}: cannot be listened on" in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.slow
def test_serve_with_a_wrong_file_says_what_check_says(tmp_path: Path) -> None:
    ended = run("serve", written(tmp_path, {"nonsense": 1}))
    assert ended.returncode == 1
    assert "1 problem" in ended.stderr
    assert "nonsense" in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.slow
@pytest.mark.parametrize("obstacle", ["a file", "a file above it"])
def test_serve_says_why_its_state_directory_cannot_be_used(tmp_path: Path, obstacle: str) -> None:
    (tmp_path / "file").write_text("")
    state = {
        "a file": tmp_path / "file",
        "a file above it": tmp_path / "file" / "state",
    }[obstacle]
    settings = {"stateDirectory": str(state), "serverConfig": {"http-server.http.port": free_port()}}
    ended = run("serve", written(tmp_path, settings))
    assert ended.returncode == 1
    assert str(state) in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_serve_with_a_config_in_a_read_only_directory_keeps_its_state_elsewhere(tmp_path: Path) -> None:
    read_only = tmp_path / "etc"
    read_only.mkdir()
    config = written(read_only, {"serverConfig": {"http-server.http.port": free_port()}})
    read_only.chmod(0o500)
    child = Child(
        [sys.executable, "-m", "warren", "serve", config],
        log=tmp_path / "log",
        cwd=tmp_path,
        environment={"XDG_STATE_HOME": str(tmp_path / "state")},
    )
    try:
        child.start()
        child.wait_until(lambda: '"listening"' in child.log(), seconds=20, what="the gateway")
        assert (tmp_path / "state" / "warren" / "warren.sqlite").exists()
    finally:
        child.kill()
        read_only.chmod(0o700)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--port", "{taken}"], "port {taken} on 127.0.0.1: Address already in use; choose another"),
        (["--port", "0", "--coordinator-id", "TOO LONG"], "coordinator id 'TOO LONG': it has five characters"),
    ],
)
def test_simulate_says_why_it_cannot_start(cli: CliRunner, arguments: list[str], said: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        told = cli.invoke(main, ["simulate", *(each.replace("{taken}", port) for each in arguments)])
    assert told.exit_code == 1
    assert "the simulator cannot start: " in told.stderr
    assert said.replace("{taken}", port) in told.stderr
