"""Rows on disk: in order, beyond the life of a process, within a bound, and every one accounted for."""

import errno
import resource
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from tests.history.rows import correction, record
from warren.history.counts import Counts
from warren.history.disk.lines import line_of
from warren.history.disk.spill import Spill
from warren.history.record import Entry

MakeSpill = Callable[..., Spill]
LINE = len(line_of(record(10000)))


@pytest.fixture
def counts() -> Counts:
    return Counts()


@pytest.fixture
def spill(tmp_path: Path, counts: Counts) -> Spill:
    return Spill(tmp_path / "history", counts, origin="here")


def drained(spill: Spill) -> list[Entry]:
    found: list[Entry] = []
    while taken := spill.oldest():
        found += taken.entries
        spill.done(taken)
    return found


def files(tmp_path: Path) -> list[str]:
    directory = tmp_path / "history"
    return sorted(path.name.partition(".")[2] for path in directory.iterdir()) if directory.exists() else []


def test_nothing_is_touched_before_there_are_rows(spill: Spill, tmp_path: Path) -> None:
    assert not spill.has_rows()
    assert spill.oldest() is None
    spill.adopt()
    spill.close()
    assert list(tmp_path.iterdir()) == []


def test_rows_come_back_in_order_and_leave_nothing_behind(spill: Spill, tmp_path: Path, counts: Counts) -> None:
    spill.append([record(1), correction(1)])
    spill.append([record(2)])
    assert spill.has_rows()
    assert (counts.spilled_rows, counts.spilled) == (3, 3)
    assert counts.spilled_bytes == sum(len(line_of(entry)) for entry in (record(1), correction(1), record(2)))
    assert drained(spill) == [record(1), correction(1), record(2)]
    assert not spill.has_rows()
    assert (counts.spilled_rows, counts.spilled_bytes) == (0, 0)
    assert files(tmp_path) == ["lock"]
    spill.close()
    assert files(tmp_path) == []


def test_rows_that_come_meanwhile_are_behind(spill: Spill) -> None:
    spill.append([record(number) for number in range(600)])
    first = spill.oldest()
    assert first is not None
    spill.append([record(600)])
    assert spill.oldest() is first
    spill.done(first)
    assert [*first.entries, *drained(spill)] == [record(number) for number in range(601)]


def test_a_copy_of_what_was_written_meanwhile_is_taken_back(spill: Spill, tmp_path: Path) -> None:
    copy = spill.append([record(1)])
    spill.append([record(2)])
    spill.done(copy)
    assert drained(spill) == [record(2)]
    spill.done(copy)
    assert files(tmp_path) == ["lock"]


def test_a_copy_behind_other_rows_stays(spill: Spill) -> None:
    spill.append([record(1)])
    spill.done(spill.append([record(2)]))
    assert drained(spill) == [record(1), record(2)]


def test_files_and_their_folder_are_private(spill: Spill, tmp_path: Path) -> None:
    spill.append([record(1)])
    modes = {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "history").iterdir()}
    assert modes == {0o600}
    assert stat.S_IMODE((tmp_path / "history").stat().st_mode) == 0o700


def test_a_new_file_is_begun_now_and_then(tmp_path: Path, counts: Counts) -> None:
    spill = Spill(tmp_path / "history", counts, origin="here", segment_bytes=2 * LINE)
    for number in range(10000, 10005):
        spill.append([record(number)])
    assert files(tmp_path) == ["000001.jsonl", "000002.jsonl", "000003.jsonl", "lock"]
    assert drained(spill) == [record(number) for number in range(10000, 10005)]


def test_what_another_process_left_is_taken_over_first(tmp_path: Path, spill: Spill, counts: Counts) -> None:
    gone = Spill(tmp_path / "history", Counts(), origin="here", segment_bytes=LINE)
    gone.append([record(10001)])
    gone.append([record(10002)])
    spill.append([record(10003)])
    spill.adopt()
    assert counts.spilled_rows == 1, "its process lives"
    gone.close()
    with capture_logs() as logs:
        spill.adopt()
    assert logs == [
        {
            "event": "history_spill_adopted",
            "log_level": "info",
            "directory": str(tmp_path / "history"),
            "files": 2,
            "rows": 2,
        }
    ]
    assert counts.spilled_rows == 3
    assert drained(spill) == [record(10001), record(10002), record(10003)]
    spill.close()
    assert files(tmp_path) == []


def test_only_one_process_takes_over(tmp_path: Path) -> None:
    gone = Spill(tmp_path / "history", Counts(), origin="here")
    gone.append([record(1)])
    gone.close()
    others = [Spill(tmp_path / "history", Counts(), origin="here") for _ in range(3)]
    for other in others:
        other.adopt()
    assert [other.has_rows() for other in others] == [True, False, False]


def test_rows_for_another_database_are_left_alone(tmp_path: Path, spill: Spill) -> None:
    elsewhere = Spill(tmp_path / "history", Counts(), origin="elsewhere")
    elsewhere.append([record(1)])
    elsewhere.close()
    spill.adopt()
    assert not spill.has_rows()
    later = Spill(tmp_path / "history", Counts(), origin="elsewhere")
    later.adopt()
    assert drained(later) == [record(1)]


def test_files_without_a_lock_are_taken_over(tmp_path: Path, spill: Spill) -> None:
    gone = Spill(tmp_path / "history", Counts(), origin="here")
    gone.append([record(1)])
    gone.close()
    for lock in (tmp_path / "history").glob("*.lock"):
        lock.unlink()
    spill.adopt()
    assert drained(spill) == [record(1)]


def test_a_lock_without_files_is_removed(tmp_path: Path, spill: Spill) -> None:
    gone = Spill(tmp_path / "history", Counts(), origin="here")
    gone.append([record(1)])
    drained(gone)
    (lock,) = (tmp_path / "history").iterdir()
    gone.close()
    lock.touch()
    spill.adopt()
    assert files(tmp_path) == []


def test_a_process_that_ends_leaves_its_rows(tmp_path: Path, spill: Spill, counts: Counts) -> None:
    spill.append([record(1)])
    spill.close()
    assert files(tmp_path) == ["000001.jsonl", "lock"]
    later = Spill(tmp_path / "history", Counts(), origin="here")
    later.adopt()
    assert drained(later) == [record(1)]


def test_damaged_lines_are_counted_and_the_others_used(tmp_path: Path, spill: Spill, counts: Counts) -> None:
    gone = Spill(tmp_path / "history", Counts(), origin="here")
    gone.append([record(1), record(2)])
    gone.close()
    (path,) = (tmp_path / "history").glob("*.jsonl")
    path.write_bytes(path.read_bytes()[:-10])
    spill.adopt()
    with capture_logs() as logs:
        assert drained(spill) == [record(1)]
    assert [each["event"] for each in logs] == ["history_spill_damaged"]
    assert (counts.damaged, counts.spilled_rows) == (1, 0)


def test_a_file_with_nothing_but_damage_is_removed(tmp_path: Path, spill: Spill, counts: Counts) -> None:
    (tmp_path / "history").mkdir()
    spill.append([record(1)])
    drained(spill)
    (lock,) = (tmp_path / "history").iterdir()
    (tmp_path / "history" / f"01234567-{lock.stem[-8:]}.000001.jsonl").write_bytes(b"x\ny")
    spill.adopt()
    assert drained(spill) == []
    assert counts.damaged == 2
    assert files(tmp_path) == ["lock"]


@pytest.mark.parametrize("left", [0, 5, LINE, 2 * LINE + 5])
@pytest.mark.parametrize("is_begun", [True, False])
def test_a_file_that_was_shortened_costs_what_is_missing_and_no_other_rows(
    tmp_path: Path, spill: Spill, counts: Counts, left: int, is_begun: bool
) -> None:
    rows = [record(number) for number in range(10000, 10003)]
    for row in rows:
        spill.append([row])
    if is_begun:
        assert spill.oldest() is not None
    (path,) = (tmp_path / "history").glob("*.jsonl")
    with path.open("r+b") as file:
        file.truncate(left)
    spill.append([record(1)])
    with capture_logs() as logs:
        found = drained(spill)
    assert found[-1] == record(1)
    assert len(found) + counts.damaged == 4
    assert (counts.damaged > 0) == any(line["event"] == "history_spill_damaged" for line in logs) == (not is_begun)
    assert (counts.spilled_rows, counts.spilled_bytes, files(tmp_path)) == (0, 0, ["lock"])


def test_a_file_of_another_process_that_is_shortened_costs_what_is_missing(
    tmp_path: Path, spill: Spill, counts: Counts
) -> None:
    other = Spill(tmp_path / "history", Counts(), origin="here")
    other.append([record(10000), record(10001)])
    other.close()
    spill.adopt()
    (path,) = (tmp_path / "history").glob("*.jsonl")
    with path.open("r+b") as file:
        file.truncate(LINE)
    assert drained(spill) == [record(10000)]
    assert counts.damaged == 1
    assert not spill.has_rows()


def test_beyond_the_bound_the_oldest_rows_are_dropped(tmp_path: Path, counts: Counts) -> None:
    spill = Spill(tmp_path / "history", counts, origin="here", most_bytes=4 * LINE, segment_bytes=LINE)
    for number in range(10001, 10007):
        spill.append([record(number)])
    assert counts.dropped_on_disk == 2
    assert drained(spill) == [record(number) for number in range(10003, 10007)]


def test_the_bound_is_for_the_files_of_all_processes(tmp_path: Path, counts: Counts) -> None:
    options = {"origin": "here", "most_bytes": 4 * LINE, "segment_bytes": LINE}
    neighbour = Spill(tmp_path / "history", Counts(), **options)  # type: ignore[arg-type]  # options of several types
    spill = Spill(tmp_path / "history", counts, **options)  # type: ignore[arg-type]
    for number in range(10001, 10005):
        neighbour.append([record(number)])
    for number in range(10005, 10007):
        spill.append([record(number)])
    assert counts.dropped_on_disk == 2
    assert drained(spill) == [record(10005), record(10006)]
    assert drained(neighbour) == [record(10003), record(10004)]


def test_a_file_that_a_neighbour_writes_is_not_taken_from_it(tmp_path: Path, counts: Counts) -> None:
    neighbour = Spill(tmp_path / "history", Counts(), origin="here")
    neighbour.append([record(number) for number in range(10001, 10005)])
    spill = Spill(tmp_path / "history", counts, origin="here", most_bytes=4 * LINE)
    with pytest.raises(OSError, match="may have"):
        spill.append([record(10005)])
    assert not spill.has_rows()
    assert len(drained(neighbour)) == 4
    spill.append([record(10005)])


def test_rows_that_are_dropped_while_they_are_written_do_no_harm(tmp_path: Path, counts: Counts) -> None:
    spill = Spill(tmp_path / "history", counts, origin="here", most_bytes=LINE, segment_bytes=LINE)
    spill.append([record(10001)])
    taken = spill.oldest()
    assert taken is not None
    spill.append([record(10002)])
    spill.done(taken)
    assert drained(spill) == [record(10002)]


def test_a_file_that_is_gone_costs_its_rows_and_no_others(tmp_path: Path, counts: Counts) -> None:
    spill = Spill(tmp_path / "history", counts, origin="here", segment_bytes=LINE)
    spill.append([record(10001)])
    spill.append([record(10002)])
    min((tmp_path / "history").glob("*.jsonl")).unlink()
    assert drained(spill) == [record(10002)]


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """As on a full disk: a write goes as far as there is room, then it fails."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_is_an_error_and_leaves_no_half_rows(tmp_path: Path, spill: Spill, counts: Counts) -> None:
    spill.append([record(10001)])
    with files_of_at_most(LINE + 10), pytest.raises(OSError):
        spill.append([record(10002)])
    spill.append([record(10003)])
    assert [path.stat().st_size for path in sorted((tmp_path / "history").glob("*.jsonl"))] == [LINE, LINE]
    assert drained(spill) == [record(10001), record(10003)]
    assert counts.damaged == 0


def test_a_disk_that_is_full_from_the_start_leaves_no_empty_file(tmp_path: Path, spill: Spill) -> None:
    with files_of_at_most(10), pytest.raises(OSError):
        spill.append([record(1)])
    assert not spill.has_rows()
    assert files(tmp_path) == ["lock"]


@pytest.mark.parametrize("has_adopted", [True, False])
def test_a_folder_that_cannot_be_synced_is_an_error_and_harms_no_later_rows(
    tmp_path: Path, spill: Spill, monkeypatch: pytest.MonkeyPatch, has_adopted: bool
) -> None:
    if has_adopted:
        other = Spill(tmp_path / "history", Counts(), origin="here")
        other.append([record(1)])
        other.close()
        spill.adopt()
    with monkeypatch.context() as broken:
        broken.setattr("warren.history.disk.spill._sync_directory", fails)
        for _ in range(2):
            with pytest.raises(OSError, match="Input/output"):
                spill.append([record(2)])
    spill.append([record(3)])
    assert drained(spill) == [*([record(1)] if has_adopted else []), record(3)]


def fails(_directory: Path) -> None:
    raise OSError(errno.EIO, "Input/output error")


def test_a_place_that_cannot_be_written_is_an_error(tmp_path: Path, counts: Counts) -> None:
    (tmp_path / "file").touch()
    spill = Spill(tmp_path / "file" / "history", counts, origin="here")
    with pytest.raises(OSError):
        spill.append([record(1)])
    spill.adopt()
    spill.close()


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_no_descriptor_is_left_open(tmp_path: Path, spill: Spill) -> None:
    before = descriptors()
    for number in range(5):
        spill.append([record(number)])
        drained(spill)
    spill.close()
    assert descriptors() == before
