import os
from pathlib import Path

import pytest

from warren.supervisor.cores import number_of_workers, usable_cores

ALLOWED = len(os.sched_getaffinity(0))


def cores(directory: Path, membership: str, **files: str) -> int:
    """With a file system that has these files, and a process in these groups."""
    own = directory / "own"
    own.write_text(membership)
    for name, text in files.items():
        path = directory / "groups" / name.replace("__", "/").replace("_DOT_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return usable_cores(directory / "groups", own)


def test_without_a_quota_it_is_what_the_scheduler_allows(tmp_path: Path) -> None:
    assert cores(tmp_path, "0::/\n") == ALLOWED
    assert cores(tmp_path, "0::/a\n", a__cpu_DOT_max="max 100000\n") == ALLOWED
    assert usable_cores(tmp_path / "nothing", tmp_path / "nowhere") == ALLOWED


@pytest.mark.parametrize("quota", ["100000 100000", "190000 100000", "50000 100000"])
def test_a_quota_counts_in_whole_cores_and_leaves_one_at_least(tmp_path: Path, quota: str) -> None:
    assert cores(tmp_path, "0::/pod/box\n", pod__box__cpu_DOT_max=quota) == 1


def test_the_quota_of_a_group_around_it_counts_too(tmp_path: Path) -> None:
    assert cores(tmp_path, "0::/pod/box\n", pod__cpu_DOT_max="100000 100000", pod__box__cpu_DOT_max="max 1") == 1


def test_in_a_container_the_path_may_be_the_hosts(tmp_path: Path) -> None:
    assert cores(tmp_path, "0::/../../pod\n", cpu_DOT_max="100000 100000") == 1
    assert cores(tmp_path, "0::/host/pod\n", cpu_DOT_max="100000 100000") == 1


@pytest.mark.parametrize(("quota", "expected"), [("100000", 1), ("-1", ALLOWED)])
def test_control_groups_of_version_1_have_a_quota_as_well(tmp_path: Path, quota: str, expected: int) -> None:
    membership = "4:memory:/x\n2:cpu,cpuacct:/box\n0::/\n"
    directory = "cpu,cpuacct__box__cpu_DOT_cfs_"
    files = {f"{directory}quota_us": quota + "\n", f"{directory}period_us": "100000\n"}
    assert cores(tmp_path, membership, **files) == expected


def test_auto_is_one_worker_for_each_usable_core() -> None:
    assert number_of_workers("auto") == usable_cores() >= 1
    assert number_of_workers(7) == 7
