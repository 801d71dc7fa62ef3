import os
import socket
from pathlib import Path

from warren.admin.serve import LONGEST_PATH, private_socket
from warren.places import OwnPlace


def left_in(state: Path) -> list[str]:
    return sorted(path.name for path in (state / "sockets").iterdir())


def test_two_processes_in_one_directory_have_places_of_their_own(tmp_path: Path) -> None:
    one, two = OwnPlace(tmp_path), OwnPlace(tmp_path)
    with private_socket(one.socket_path), private_socket(two.socket_path):
        assert one.socket_path != two.socket_path
        assert one.socket_path.exists()
    one.leave()
    assert two.socket_path.exists()
    two.leave()
    assert left_in(tmp_path) == []


def test_what_a_process_that_is_gone_has_left_is_removed(tmp_path: Path) -> None:
    living = OwnPlace(tmp_path)
    private_socket(living.socket_path).close()
    with socket.socket(socket.AF_UNIX) as abandoned:
        abandoned.bind(str(tmp_path / "sockets" / "gone.sock"))
    (tmp_path / "sockets" / "gone.lock").touch()
    (tmp_path / "sockets" / "gone.counters").mkdir()
    (tmp_path / "sockets" / "gone.counters" / "told-1-1.json").touch()

    later = OwnPlace(tmp_path)

    assert left_in(tmp_path) == sorted(
        [living.socket_path.name, f"{living.socket_path.stem}.lock", f"{later.socket_path.stem}.lock"]
    )
    living.leave()
    later.leave()


def test_a_place_for_counters_is_made_when_it_is_wanted_and_goes_with_its_process(tmp_path: Path) -> None:
    place = OwnPlace(tmp_path)
    (place.counters_directory() / "told-1-1.json").touch()
    OwnPlace(tmp_path).leave()
    assert f"{place.socket_path.stem}.counters" in left_in(tmp_path)
    place.leave()
    assert left_in(tmp_path) == []


def test_a_deep_directory_still_has_room_for_a_socket(tmp_path: Path) -> None:
    state = tmp_path / ("d" * 120) / ("e" * 120)
    place = OwnPlace(state)
    with private_socket(place.socket_path):
        assert len(os.fsencode(place.socket_path)) <= LONGEST_PATH
        assert any(name.endswith(".sock") for name in left_in(state))
    place.leave()
    assert left_in(state) == []
