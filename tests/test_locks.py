import os
from pathlib import Path

from warren.locks import locked, taken_over


def test_a_lock_that_is_held_is_not_taken_over(tmp_path: Path) -> None:
    lock = locked(tmp_path / "one.lock")
    assert taken_over(tmp_path / "one.lock") is None
    os.close(lock)


def test_a_lock_whose_holder_is_gone_is_taken_over_once(tmp_path: Path) -> None:
    os.close(locked(tmp_path / "one.lock"))
    lock = taken_over(tmp_path / "one.lock")
    assert lock is not None
    assert taken_over(tmp_path / "one.lock") is None
    os.close(lock)


def test_a_file_that_is_gone_is_nobodys(tmp_path: Path) -> None:
    assert taken_over(tmp_path / "one.lock") is None


def test_lock_files_are_private(tmp_path: Path) -> None:
    lock = locked(tmp_path / "one.lock")
    assert os.fstat(lock).st_mode & 0o777 == 0o600
    os.close(lock)
