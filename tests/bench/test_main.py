import subprocess
import sys
from pathlib import Path

import pytest

from bench.__main__ import divided
from bench.processes import BenchFailed


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "bench", *arguments], capture_output=True, text=True, timeout=30, check=False
    )


def test_the_proxy_has_a_core_for_itself() -> None:
    assert divided({3, 1, 2}) == ({1}, {2, 3})


def test_one_core_is_not_enough() -> None:
    with pytest.raises(BenchFailed, match="this process has 1"):
        divided({0})


def test_a_file_that_cannot_be_written_is_said_at_once(tmp_path: Path) -> None:
    done = run("--json", str(tmp_path / "nowhere" / "figures.json"))

    assert done.returncode == 2
    assert f"there is no directory {tmp_path / 'nowhere'}" in done.stderr


def test_what_is_missing_is_said_with_the_way_to_get_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    done = run("--quick")

    assert done.returncode == 1
    assert "nginx and wrk not found. On Debian or Ubuntu: apt-get install nginx-light wrk" in done.stderr
