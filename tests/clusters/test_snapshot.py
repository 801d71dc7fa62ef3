"""The roster on disk: whole or not at all, private, one writer, and never trusted."""

import json
import os
import stat
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import structlog

from warren.clusters.snapshot import Saved, Snapshot
from warren.clusters.store import Rows
from warren.model import Cluster, ClusterName, ClusterUrl, GroupName

BLUE = Cluster(
    name=ClusterName("blue"),
    proxy_to=ClusterUrl("http://blue:8080"),
    external_url="https://blue.example.com",
    group=GroupName("adhoc"),
    active=True,
)
GREEN = replace(BLUE, name=ClusterName("green"), group=GroupName("etl 表"), active=False)
ORIGIN = "sqlite:/var/w.sqlite"


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "state"


@pytest.fixture
def snapshot(directory: Path) -> Snapshot:
    return Snapshot(directory, origin=ORIGIN)


def test_what_was_saved_is_loaded(snapshot: Snapshot, directory: Path) -> None:
    assert snapshot.load() is None
    assert snapshot.save((BLUE, GREEN), at=7.5)
    assert snapshot.save((GREEN,), at=8.5)
    assert Snapshot(directory, origin=ORIGIN).load() == Saved(Rows((GREEN,)), 8.5)
    snapshot.close()


def test_files_and_folder_are_private_and_nothing_else_is_left(snapshot: Snapshot, directory: Path) -> None:
    (snapshot.save((BLUE,), at=1.0), snapshot.save((GREEN,), at=2.0))
    snapshot.close()
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in directory.iterdir()}
    assert modes == {"roster.json": 0o600, "roster.lock": 0o600}


def test_a_reader_never_sees_half_a_file(snapshot: Snapshot, directory: Path) -> None:
    snapshot.save((BLUE,), at=1.0)
    with (directory / "roster.json").open() as before:
        snapshot.save((GREEN,), at=2.0)
        assert json.load(before)["clusters"][0]["name"] == "blue"
    snapshot.close()


def test_the_second_process_reads_and_does_not_write_until_the_first_is_gone(
    snapshot: Snapshot, directory: Path
) -> None:
    assert snapshot.save((BLUE,), at=1.0)
    script = f"""
import sys
from pathlib import Path
from warren.clusters.snapshot import Snapshot
second = Snapshot(Path({str(directory)!r}), origin={ORIGIN!r})
print(second.load().at, second.save((), at=2.0), flush=True)
sys.stdin.readline()
print(second.save((), at=3.0))
"""
    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as second:
        try:
            assert second.stdout is not None
            assert second.stdout.readline() == "1.0 False\n"
            assert snapshot.load() == Saved(Rows((BLUE,)), 1.0)
            snapshot.close()
            assert second.communicate("\n", timeout=30)[0] == "True\n"
        finally:
            second.kill()
    assert snapshot.load() == Saved(Rows(), 3.0)


def test_what_a_crash_left_behind_is_no_obstacle(snapshot: Snapshot, directory: Path) -> None:
    directory.mkdir()
    (directory / "roster.new").write_text("half")
    assert snapshot.save((BLUE,), at=1.0)
    assert snapshot.load() == Saved(Rows((BLUE,)), 1.0)
    snapshot.close()


def written(directory: Path, **changes: object) -> None:
    whole = {
        "format": 1,
        "origin": ORIGIN,
        "at": 1.0,
        "clusters": [
            {"name": "b", "routing_group": "g", "backend_url": "http://b", "external_url": "http://b", "active": True}
        ],
    }
    directory.mkdir(exist_ok=True)
    (directory / "roster.json").write_text(json.dumps({**whole, **changes}))


@pytest.mark.parametrize(
    ("changes", "because"),
    [
        ({"format": 2}, "not a snapshot of this version"),
        ({"origin": "mysql://prod:3306/gateway"}, "clusters of another database"),
        ({"at": "noon"}, "damaged"),
        ({"clusters": {}}, "damaged"),
        ({"clusters": None}, "damaged"),
    ],
)
def test_a_snapshot_that_is_not_ours_is_ignored_with_a_reason(
    snapshot: Snapshot, directory: Path, changes: dict[str, object], because: str
) -> None:
    written(directory, **changes)
    with structlog.testing.capture_logs() as logs:
        assert snapshot.load() is None
    assert [entry["event"] for entry in logs] == ["snapshot_ignored"]
    assert because in logs[0]["because"]


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b"\xff\xfe", b"[" * 100_000, b"7"])
def test_rubbish_is_ignored_with_a_reason(snapshot: Snapshot, directory: Path, content: bytes) -> None:
    directory.mkdir()
    (directory / "roster.json").write_bytes(content)
    with structlog.testing.capture_logs() as logs:
        assert snapshot.load() is None
    assert [entry["event"] for entry in logs] == ["snapshot_ignored"]


def test_its_rows_are_checked_as_those_of_the_database(snapshot: Snapshot, directory: Path) -> None:
    good = {"name": "b", "routing_group": "g", "backend_url": "http://b/", "external_url": "http://b", "active": True}
    written(directory, clusters=[good, {**good, "name": "c", "backend_url": "http://u:p@c"}, 7, None, {}])
    saved = snapshot.load()
    assert saved is not None
    assert [cluster.proxy_to for cluster in saved.rows.clusters] == ["http://b"]
    assert len(saved.rows.bad) == 2


def test_neither_a_pipe_nor_a_giant_is_read(snapshot: Snapshot, directory: Path) -> None:
    directory.mkdir()
    os.mkfifo(directory / "roster.json")
    assert snapshot.load() is None
    (directory / "roster.json").unlink()
    (directory / "roster.json").touch()
    os.truncate(directory / "roster.json", 17 * 1024 * 1024)
    assert snapshot.load() is None


def test_a_disk_that_refuses_is_logged_once_and_tried_again(snapshot: Snapshot, directory: Path) -> None:
    directory.write_text("a file where the folder should be")
    with structlog.testing.capture_logs() as logs:
        assert not snapshot.save((BLUE,), at=1.0)
        assert not snapshot.save((BLUE,), at=2.0)
    assert [entry["event"] for entry in logs] == ["snapshot_not_written"]
    directory.unlink()
    assert snapshot.save((BLUE,), at=3.0)
    snapshot.close()
