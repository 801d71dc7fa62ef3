import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from warren.errors import SettingsError
from warren.process import database_of, open_port, open_slots, open_socket, prepared_state_directory
from warren.settings.load import parse
from warren.settings.root import Settings

KEY = "http-server.http.port"


def read(text: str) -> Settings:
    return parse(text, {}, directory=Path("/")).settings


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that somebody listens on."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        port: int = listening.getsockname()[1]
        yield port


def test_a_port_that_is_taken_is_named_with_its_setting(taken: int) -> None:
    with pytest.raises(SettingsError) as failure:
        open_socket("127.0.0.1", taken, key=KEY)
    (problem,) = failure.value.problems
    assert problem.key == f"serverConfig.{KEY}"
    assert problem.found == f"127.0.0.1, port {taken}"
    assert "Address already in use" in problem.remedy


def test_an_address_of_another_machine_is_no_address_to_listen_on() -> None:
    with pytest.raises(SettingsError, match=r"192\.0\.2\.1, port 0"):
        open_socket("192.0.2.1", 0, key=KEY)


@pytest.mark.parametrize("count", [1, 3])
def test_when_one_port_is_taken_the_other_is_let_go(taken: int, count: int) -> None:
    settings = read(f"serverConfig: {{{KEY}: 0, node.bind-ip: 127.0.0.1}}")
    server = settings.server.model_copy(update={"https_enabled": True, "https_port": taken, "http_port": 0})
    with pytest.raises(SettingsError, match=r"http-server\.https\.port"):
        open_slots(settings.model_copy(update={"server": server}), count)


@pytest.mark.parametrize(("address", "family"), [("127.0.0.1", socket.AF_INET), ("::1", socket.AF_INET6)])
def test_a_named_address_is_listened_on_alone(address: str, family: socket.AddressFamily) -> None:
    with open_socket(address, 0, key=KEY) as bound:
        assert (bound.family, bound.getsockname()[0]) == (family, address)


def test_several_sockets_share_a_port_and_each_has_a_queue_of_its_own() -> None:
    several = open_port("127.0.0.1", 0, 3, key=KEY)
    port = several[0].getsockname()[1]
    assert [each.getsockname()[1] for each in several] == [port] * 3
    clients = [socket.create_connection(("127.0.0.1", port), timeout=5) for _ in range(60)]
    taken = [0, 0, 0]
    for number, each in enumerate(several):
        with suppress(BlockingIOError):
            while True:
                each.accept()[0].close()
                taken[number] += 1
    assert sum(taken) == 60
    assert min(taken) > 0
    for each in (*several, *clients):
        each.close()


@pytest.mark.parametrize("shares", [False, True])
def test_several_sockets_share_their_port_with_no_stranger(shares: bool) -> None:
    """Not even with one who would."""
    with socket.socket() as stranger:
        stranger.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, shares)
        stranger.bind(("127.0.0.1", 0))
        stranger.listen()
        port = stranger.getsockname()[1]
        for count in (1, 2):
            with pytest.raises(SettingsError, match="Address already in use; stop what uses it"):
                open_port("127.0.0.1", port, count, key=KEY)


def test_unless_one_is_named_both_families_are_listened_on() -> None:
    with open_socket(None, 0, key=KEY) as bound:
        bound.listen()
        port = bound.getsockname()[1]
        for address in ("127.0.0.1", "::1"):
            socket.create_connection((address, port), timeout=5).close()


def test_nagle_is_off_for_those_who_connect() -> None:
    with open_socket("127.0.0.1", 0, key=KEY) as bound:
        assert bound.proto == socket.IPPROTO_TCP


def test_the_state_directory_is_made_for_nobody_else(tmp_path: Path) -> None:
    state = tmp_path / "a" / "b"
    settings = read(f"stateDirectory: {state}")
    assert prepared_state_directory(settings, config=None, environment={}) == state
    assert state.stat().st_mode & 0o777 == 0o700


def test_a_state_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SettingsError, match=r"stateDirectory.*cannot be made: Not a directory; name another"):
        prepared_state_directory(read(f"stateDirectory: {tmp_path / 'file' / 'x'}"), config=None, environment={})


def test_state_is_beside_the_configuration_or_with_the_users_other_state(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    assert prepared_state_directory(read(""), config=config, environment={}) == tmp_path
    elsewhere = prepared_state_directory(read(""), config=None, environment={"XDG_STATE_HOME": str(tmp_path / "s")})
    assert elsewhere == tmp_path / "s" / "warren"


def test_without_a_data_store_the_database_is_a_file_of_ours(tmp_path: Path) -> None:
    embedded = database_of(read(""), state=tmp_path, config=None)
    assert (embedded.dialect, embedded.path) == ("sqlite", tmp_path / "warren.sqlite")
    named = database_of(read("dataStore: {jdbcUrl: 'jdbc:sqlite:db'}"), state=tmp_path, config=tmp_path / "config.yaml")
    assert named.path == tmp_path / "db"


def test_all_descriptors_that_the_process_may_have_are_used() -> None:
    script = (
        "import resource; from warren.process import raise_descriptor_limit;"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (200, 300));"
        "print(raise_descriptor_limit(), resource.getrlimit(resource.RLIMIT_NOFILE))"
    )
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=30)
    assert told.stdout == "300 (300, 300)\n"
