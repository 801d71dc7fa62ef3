"""The demo as a person runs it: a true answer, and nothing left behind however it ends."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tests.fixtures.child import Child


def processes_below(pid: int) -> list[psutil.Process]:
    return psutil.Process(pid).children(recursive=True)


@pytest.mark.slow
def test_the_demo_runs_a_query_and_leaves_nothing_behind(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        ended = subprocess.run(
            [sys.executable, "-m", "warren", "demo", "--port", str(port), "--once"],
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
            env={**os.environ, "TMPDIR": str(tmp_path)},
        )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert f"Port {port} is in use by another program; the demo takes a free one." in ended.stdout
    assert "ALGERIA" in ended.stdout
    assert "ran on cluster" in ended.stdout
    assert "because: no X-Trino-Routing-Group header, so default group adhoc; at random of 2." in ended.stdout
    known = re.findall(r"│ poll 1 +│ gateway-2 +│ (.*?) +│", ended.stdout)
    assert len(known) == 3, ended.stdout
    assert known[0] == known[2] == "Valkey (L2)", "before it was stopped, and when it was back"
    assert known[1] in {"asking the clusters", "the database (L3)"}
    assert "curl" in ended.stdout
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "moment"), [(signal.SIGTERM, "Starting two"), (signal.SIGINT, "Ctrl-C ends everything")]
)
def test_a_signal_ends_the_demo_cleanly(tmp_path: Path, number: signal.Signals, moment: str) -> None:
    child = Child(
        [sys.executable, "-m", "warren", "demo", "--port", "0"],
        log=tmp_path / "log",
        cwd=tmp_path,
        environment={"TMPDIR": str(tmp_path), "PYTHONUNBUFFERED": "1"},
    )
    try:
        child.start()
        child.wait_until(lambda: moment in child.log(), seconds=60, what=moment)
        below = processes_below(child.pid)
        child.signal(number)
        end = time.monotonic() + 30
        while child.is_running() and time.monotonic() < end:
            time.sleep(0.05)
        assert child.stop() == 0, child.log()
        assert "nothing is left behind" in child.log()
        assert "Traceback" not in child.log()
        assert not [each for each in below if each.is_running() and each.status() != psutil.STATUS_ZOMBIE]
        assert [path.name for path in tmp_path.iterdir()] == ["log"]
    finally:
        child.kill()
