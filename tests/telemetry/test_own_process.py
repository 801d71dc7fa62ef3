import sys
import time
from pathlib import Path

import pytest

from warren.telemetry.own_process import own_process


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has this /proc")
def test_this_process_has_memory_descriptors_and_a_start(tmp_path: Path) -> None:
    before = own_process()
    with (tmp_path / "one more").open("w"):
        during = own_process()
    assert before.open_descriptors is not None
    assert during.open_descriptors == before.open_descriptors + 1
    assert before.resident_bytes is not None
    assert before.resident_bytes > 1_000_000
    assert before.started_at is not None
    assert 0 < time.time() - before.started_at < 86_400
    assert during.cpu_seconds >= before.cpu_seconds > 0


def test_a_blank_in_the_programs_name_shifts_nothing(tmp_path: Path) -> None:
    (tmp_path / "self/fd").mkdir(parents=True)
    (tmp_path / "self/fd/0").touch()
    (tmp_path / "self/statm").write_text("100 25 3 1 0 9 0\n")
    (tmp_path / "self/stat").write_text("7 (a b) c) S " + "0 " * 18 + "500 0 0\n")
    (tmp_path / "stat").write_text("cpu 1\nbtime 1000\n")
    found = own_process(tmp_path)
    assert found.open_descriptors == 1
    assert found.started_at == pytest.approx(1000 + 500 / 100, abs=5)


def test_without_proc_only_the_processor_time_is_known(tmp_path: Path) -> None:
    found = own_process(tmp_path)
    assert (found.resident_bytes, found.open_descriptors, found.started_at) == (None, None, None)
    assert found.cpu_seconds > 0
