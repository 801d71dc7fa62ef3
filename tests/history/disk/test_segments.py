"""Reading a file of rows, whoever wrote it and however it ended."""

import os
from pathlib import Path

import pytest

from tests.history.rows import record
from warren.history.disk.lines import LONGEST_LINE, line_of
from warren.history.disk.segments import Slice, owner_of, read, segment_at
from warren.history.queue import BATCH_BYTES, BATCH_ROWS
from warren.history.record import Entry


def slices(path: Path) -> list[Slice]:
    segment = segment_at(path)
    found = []
    while (each := read(segment)).lines:
        found.append(each)
        segment.offset = each.end
    assert segment.offset == segment.size
    return found


def entries(path: Path) -> list[Entry]:
    return [entry for each in slices(path) for entry in each.entries]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "01234567-89abcdef.000001.jsonl"


def test_rows_are_read_in_slices_of_a_batch(path: Path) -> None:
    written = [record(number) for number in range(BATCH_ROWS + 1)]
    path.write_bytes(b"".join(map(line_of, written)))
    assert [each.lines for each in slices(path)] == [BATCH_ROWS, 1]
    assert entries(path) == written
    assert segment_at(path).rows == BATCH_ROWS + 1


def test_a_slice_ends_with_the_row_that_makes_it_large(path: Path) -> None:
    path.write_bytes(b"".join(line_of(record(number, query_text="x" * (BATCH_BYTES // 2))) for number in range(4)))
    assert [each.lines for each in slices(path)] == [2, 2]


@pytest.mark.parametrize("kept", [0, 1, 8, 9, 100, -2])
def test_a_torn_tail_costs_only_itself(path: Path, kept: int) -> None:
    path.write_bytes(line_of(record(1)) + line_of(record(2)) + line_of(record(3))[:kept])
    assert entries(path) == [record(1), record(2)]
    assert sum(each.damaged for each in slices(path)) == (1 if kept else 0)


def test_damage_in_the_middle_costs_only_the_damaged_line(path: Path) -> None:
    path.write_bytes(line_of(record(1)) + b"\0" * 4096 + b"\n" + line_of(record(2)) + b"\n\n" + line_of(record(3)))
    assert entries(path) == [record(1), record(2), record(3)]
    assert sum(each.damaged for each in slices(path)) == 3


def test_a_line_without_an_end_is_passed_over_piece_by_piece(path: Path) -> None:
    path.write_bytes(line_of(record(1)) + b"x" * (2 * LONGEST_LINE + 7) + b"\n" + line_of(record(2)))
    assert entries(path) == [record(1), record(2)]


def test_only_what_is_known_to_be_there_is_read(path: Path) -> None:
    path.write_bytes(line_of(record(1)))
    segment = segment_at(path)
    with path.open("ab") as file:
        file.write(line_of(record(2)))
    assert read(segment).entries == (record(1),)


def test_what_is_no_file_is_refused_at_once(path: Path, tmp_path: Path) -> None:
    os.mkfifo(path)
    with pytest.raises(OSError, match="is not a file"):
        segment_at(path)
    (tmp_path / "link").symlink_to("/dev/zero")
    with pytest.raises(OSError, match="symbolic link"):
        segment_at(tmp_path / "link")


def test_the_owner_stands_in_the_name(path: Path) -> None:
    assert owner_of(path) == "01234567-89abcdef"
