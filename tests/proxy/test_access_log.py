import asyncio
import json
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from tests.proxy.exchanges import FakeExchange
from warren.proxy import access_log
from warren.proxy.access_log import AccessLog


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access_log, "FLUSH_SECONDS", 0.0)


def made(path: Path) -> AccessLog:
    moments = iter(float(number) for number in range(1000))
    return AccessLog(path, claim="email", clock=lambda: next(moments), unix=lambda: 1_777_777_777.25)


def noted(log: AccessLog, target: str = "/v1/info", status: int = 200) -> None:
    exchange = FakeExchange("GET", target)
    log.follow(exchange.as_exchange())
    exchange.status = status
    assert exchange.on_end is not None
    exchange.on_end(exchange.as_exchange())


async def flushed(log: AccessLog, *, rounds: int = 1) -> None:
    """Let it run for a moment; it writes what is left when it is cancelled."""
    running = asyncio.get_running_loop().create_task(log.run())
    for _ in range(rounds):
        await asyncio.sleep(0)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_a_request_is_one_line_without_what_is_secret(tmp_path: Path) -> None:
    log = made(tmp_path / "logs" / "access.log")
    noted(log, "/v1/statement/queued/20260416_160256_03078_6b4yt/ySLUG/1?secret=1", 503)
    await flushed(log)
    (line,) = (tmp_path / "logs" / "access.log").read_text().splitlines()
    assert json.loads(line) == {
        "time": "2026-05-03T03:09:37.250+00:00",
        "client": "192.0.2.1",
        "method": "GET",
        "path": "/v1/statement/queued/{queryId}/{slug}/{token}?{query}",
        "status": 503,
        "user": "me",
        "milliseconds": 1000.0,
    }


async def test_a_file_that_was_moved_away_is_made_anew(tmp_path: Path) -> None:
    path = tmp_path / "access.log"
    log = made(path)
    noted(log)
    await flushed(log)
    path.rename(tmp_path / "access.log.1")
    noted(log)
    await flushed(log)
    assert path.read_text().count("\n") == 1


async def test_beyond_its_bound_lines_are_dropped_and_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access_log, "WAITING_AT_MOST", 2)
    log = made(tmp_path / "access.log")
    for _ in range(5):
        noted(log)
    with capture_logs() as said:
        await flushed(log)
    assert (tmp_path / "access.log").read_text().count("\n") == 2
    assert [(line["event"], line["lines"]) for line in said] == [("access_log_dropped", 3)]


async def test_a_disk_that_refuses_is_said_once(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    log = made(tmp_path / "file" / "access.log")
    with capture_logs() as said:
        for _ in range(3):
            noted(log)
            await flushed(log)
    assert [line["event"] for line in said] == ["access_log_failed"]
