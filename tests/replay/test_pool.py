import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import psutil
import pytest

from tests.replay.made import statement, tally, terms
from warren.errors import SettingsError
from warren.replay.pool import ALONE, judged, usable_cores
from warren.replay.statement import Statement

STATEMENTS = [
    statement(f"q{n}", source="airflow" if n % 3 else "", user="carl" if n % 5 == 0 else "ann") for n in range(600)
]
CHUNKS = [STATEMENTS[at : at + 20] for at in range(0, 600, 20)]


def nothing(_: object) -> None:
    pass


def test_few_statements_are_judged_here() -> None:
    seen: list[int] = []
    found = judged(CHUNKS[:ALONE], terms(), processes=2, after_each=lambda total: seen.append(total.statements))
    assert found == tally(STATEMENTS[: 20 * ALONE], terms())
    assert seen == [20 * (number + 1) for number in range(ALONE)]


@pytest.mark.slow
def test_many_are_judged_by_several_processes_and_come_to_the_same() -> None:
    seen: list[int] = []
    found = judged(iter(CHUNKS), terms(), processes=2, after_each=lambda total: seen.append(total.statements))
    assert found == tally(STATEMENTS, terms())
    assert (seen[-1], len(seen)) == (600, 30)


def test_nothing_comes_to_nothing() -> None:
    assert judged([], terms(), processes=2, after_each=nothing).statements == 0


def test_rules_that_cannot_be_used_are_refused_here() -> None:
    with pytest.raises(SettingsError):
        judged([], terms("name: x\n"), processes=2, after_each=nothing)


@pytest.mark.slow
def test_a_process_that_is_killed_ends_it() -> None:
    def endless() -> Iterator[list[Statement]]:
        for number in range(10_000):
            if number == ALONE + 1:
                for child in psutil.Process().children():
                    if "spawn_main" in " ".join(child.cmdline()):
                        child.kill()
            yield CHUNKS[0]

    with pytest.raises(BrokenProcessPool):
        judged(endless(), terms(), processes=1, after_each=nothing)


SCRIPT = """
from tests.replay.made import statement, terms
from warren.replay.pool import judged

def endless():
    while True:
        yield [statement()] * 20

def say(total):
    if total.statements == 400:
        print("under way", flush=True)

if __name__ == "__main__":
    judged(endless(), terms(), processes=2, after_each=say)
"""


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_its_processes_end_with_it(tmp_path: Path, number: signal.Signals) -> None:
    (tmp_path / "endless.py").write_text(SCRIPT)
    root = Path(__file__).parents[2]
    parent = subprocess.Popen(
        [sys.executable, str(tmp_path / "endless.py")],
        env={**os.environ, "PYTHONPATH": str(root)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    assert parent.stdout is not None
    with parent, parent.stdout, contextlib.ExitStack() as at_the_end:
        at_the_end.callback(parent.kill)
        assert parent.stdout.readline() == b"under way\n"
        children = psutil.Process(parent.pid).children(recursive=True)
        assert len(children) >= 2
        if number is signal.SIGINT:
            os.killpg(parent.pid, number)  # as a terminal does
        else:
            parent.send_signal(number)
        parent.wait(timeout=30)
        _, alive = psutil.wait_procs(children, timeout=30)
    assert [each for each in alive if each.status() != psutil.STATUS_ZOMBIE] == []


def test_there_is_a_core() -> None:
    assert usable_cores() >= 1
