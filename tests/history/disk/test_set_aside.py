"""What no table takes is kept for people, within a bound."""

import stat
from pathlib import Path

import orjson
from structlog.testing import capture_logs

from tests.history.rows import record
from warren.history.counts import Counts
from warren.history.disk.lines import entry_of, line_of
from warren.history.disk.set_aside import SetAside

LINE = len(line_of(record(1), because="it is refused"))


def lines(directory: Path) -> list[bytes]:
    return (directory / "set-aside.jsonl").read_bytes().splitlines(keepends=True)


async def test_a_row_is_kept_with_the_reason(tmp_path: Path) -> None:
    counts = Counts()
    directory = tmp_path / "history"
    for number in (1, 2):
        await SetAside(directory, counts, clock=float).keep(record(number), "it is refused")
    assert [entry_of(line) for line in lines(directory)] == [record(1), record(2)]
    assert orjson.loads(lines(directory)[0][9:])["because"] == "it is refused"
    assert (counts.set_aside, counts.dropped) == (2, 0)
    assert stat.S_IMODE((directory / "set-aside.jsonl").stat().st_mode) == 0o600


async def test_many_are_told_in_one_line(tmp_path: Path) -> None:
    set_aside = SetAside(tmp_path, Counts(), clock=float)
    with capture_logs() as logs:
        for number in range(10):
            await set_aside.keep(record(number), "it is refused")
    assert [each["event"] for each in logs] == ["history_rows_set_aside"]
    assert len(lines(tmp_path)) == 10


async def test_a_full_file_takes_no_more(tmp_path: Path) -> None:
    counts = Counts()
    set_aside = SetAside(tmp_path, counts, clock=float, most_bytes=2 * LINE)
    for number in range(4):
        await set_aside.keep(record(number), "it is refused")
    assert len(lines(tmp_path)) == 2
    assert (counts.set_aside, counts.dropped) == (4, 2)


async def test_a_disk_that_cannot_be_written_ends_nothing(tmp_path: Path) -> None:
    counts = Counts()
    (tmp_path / "file").touch()
    with capture_logs() as logs:
        await SetAside(tmp_path / "file", counts, clock=float).keep(record(1), "it is refused")
    assert (counts.set_aside, counts.dropped) == (1, 1)
    assert "not kept" in logs[0]["because"]
