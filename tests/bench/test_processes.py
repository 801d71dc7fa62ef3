import os
import sys
from pathlib import Path

import pytest

from bench.processes import BenchFailed, Program, cpu_ticks, descendants, parent, status_bytes

STAT = "4711 (a (strange) name) S 42 4711 4711 0 -1 4194560 9 8 7 6 130 25 0 0 20 0 1 0 9999 1000000 500 18446744073709551615"


def program(tmp_path: Path, code: str) -> Program:
    return Program([sys.executable, "-c", code], log=tmp_path / "log", cores={min(os.sched_getaffinity(0))})


def test_the_time_of_a_process_is_that_of_user_and_system() -> None:
    assert cpu_ticks(STAT) == 130 + 25


def test_a_process_that_is_gone_uses_nothing() -> None:
    assert cpu_ticks("") == 0


def test_a_name_with_blanks_and_parentheses_hides_no_field() -> None:
    assert parent(STAT) == 42


def test_workers_of_workers_belong_to_the_program() -> None:
    assert descendants(10, [(10, 1), (11, 10), (12, 11), (13, 12), (20, 1), (21, 20)]) == {10, 11, 12, 13}


def test_memory_is_told_in_bytes() -> None:
    status = "Name:\tnginx\nVmHWM:\t   15000 kB\nVmRSS:\t   14000 kB\n"

    assert (status_bytes(status, "VmRSS"), status_bytes(status, "VmHWM")) == (14000 * 1024, 15000 * 1024)


def test_a_program_has_its_core_and_is_gone_after_its_block(tmp_path: Path) -> None:
    core, mine = min(os.sched_getaffinity(0)), os.sched_getaffinity(0)
    with program(tmp_path, "print('up', flush=True); import signal; signal.pause()") as running:
        running.wait_until(lambda: "up" in (tmp_path / "log").read_text(), seconds=20, what="it to be up")
        pid = running.pid

        assert os.sched_getaffinity(pid) == {core}
        assert running.resident_bytes() > 1024 * 1024
        assert running.cpu_seconds() >= 0
    assert os.sched_getaffinity(0) == mine
    assert not Path(f"/proc/{pid}").exists()


def test_the_peak_counts_what_was_given_back_meanwhile(tmp_path: Path) -> None:
    code = "import signal; bytearray(64 << 20); print('done', flush=True); signal.pause()"
    with program(tmp_path, code) as running:
        running.wait_until(lambda: "done" in (tmp_path / "log").read_text(), seconds=20, what="it to be done")
        assert running.peak_bytes() - running.resident_bytes() > 32 << 20

        running.forget_peak()

        assert running.peak_bytes() - running.resident_bytes() < 32 << 20


def test_a_program_that_ends_too_early_is_said_with_its_last_words(tmp_path: Path) -> None:
    with (
        program(tmp_path, "raise SystemExit('no such port')") as running,
        pytest.raises(BenchFailed, match="no such port"),
    ):
        running.wait_until(lambda: False, seconds=20, what="an answer")


def test_what_a_program_says_until_its_end_is_told(tmp_path: Path) -> None:
    assert program(tmp_path, "print('done')").output(seconds=20) == "done\n"


def test_a_program_that_fails_or_takes_too_long_says_nothing_that_counts(tmp_path: Path) -> None:
    with pytest.raises(BenchFailed, match=r"ended with 3; it said:\nno"):
        program(tmp_path, "print('no', flush=True); raise SystemExit(3)").output(seconds=20)
    with pytest.raises(BenchFailed, match="took longer than 0 s"):
        program(tmp_path, "import signal; signal.pause()").output(seconds=0)
