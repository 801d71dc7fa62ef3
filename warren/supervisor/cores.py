"""How many cores this process may use: what `workers: auto` means."""

import os
from collections.abc import Iterator
from pathlib import Path

from warren.settings.root import AUTO, Workers

GROUPS = Path("/sys/fs/cgroup")
OWN_GROUPS = Path("/proc/self/cgroup")


def number_of_workers(wanted: Workers) -> int:
    return usable_cores() if wanted == AUTO else wanted


def usable_cores(groups: Path = GROUPS, own_groups: Path = OWN_GROUPS) -> int:
    """The cores that the scheduler may give to it, or the whole ones within its quota of processor time; at least 1."""
    allowed = len(os.sched_getaffinity(0))
    return max(1, min([allowed, *(int(quota) for quota in _quotas(groups, own_groups))]))


def _quotas(groups: Path, own_groups: Path) -> Iterator[float]:
    """In cores: of its control groups of either version, and of those around them."""
    for line in _text(own_groups).splitlines():
        _, controllers, path = line.split(":", 2)
        if not controllers:
            yield from (found for group in _around(groups, path) if (found := _quota(group / "cpu.max")))
        elif "cpu" in controllers.split(","):
            for top in (groups / controllers, groups / "cpu"):
                yield from (found for group in _around(top, path) if (found := _old_quota(group)))


def _around(top: Path, path: str) -> Iterator[Path]:
    """A group's directory and those above it. In a container the path may be the host's: then only the top is there."""
    group = top / path.lstrip("/")
    yield group
    while group != top and group.is_relative_to(top):
        group = group.parent
        yield group


def _quota(file: Path) -> float | None:
    """Version 2: `200000 100000`, or `max 100000`."""
    match _text(file).split():
        case [quota, period] if quota != "max":
            return int(quota) / int(period)
        case _:
            return None


def _old_quota(group: Path) -> float | None:
    """Version 1: two files, and -1 for none."""
    quota, period = _text(group / "cpu.cfs_quota_us").strip(), _text(group / "cpu.cfs_period_us").strip()
    return int(quota) / int(period) if quota.isdecimal() and period.isdecimal() else None


def _text(file: Path) -> str:
    try:
        return file.read_text()
    except OSError:
        return ""
