"""A rules file that people, programs and Kubernetes change, break and mend, and what is in force meanwhile."""

import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, MutableMapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from structlog.testing import capture_logs

from warren.errors import SettingsError
from warren.facts import Facts, RequestFacts
from warren.rulebook import rulebook as module
from warren.rulebook.reading import LARGEST_FILE
from warren.rulebook.rulebook import LAST_GOOD, Rulebook, read_text

FACTS = Facts(request=RequestFacts())
BROKEN = "name: [broken\n"
Lines = list[MutableMapping[str, Any]]


def says(group: str) -> str:
    return f"name: all\nwhen: {{method: POST}}\nthen: {{group: {group}}}\n"


class Turns:
    """Stands where the pause between two looks is: each pause ends when the test says so."""

    def __init__(self) -> None:
        self._asked = asyncio.Semaphore(0)
        self._given = asyncio.Semaphore(0)

    async def sleep(self, _seconds: float) -> None:
        self._asked.release()
        await self._given.acquire()

    async def look(self, times: int = 1) -> None:
        """Let it look so many times, and wait until it has."""
        for _ in range(times):
            await self._asked.acquire()
            self._given.release()
        await self._asked.acquire()
        self._asked.release()


class Scene:
    """A rules file, a state directory, the time, and the rulebooks of processes that use them."""

    def __init__(self, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.file = directory / "rules.yaml"
        self.state = directory / "state"
        self.state.mkdir()
        self.copy = self.state / LAST_GOOD
        self.now = 1000.0
        self._monkeypatch = monkeypatch
        self._written = 0

    def started(self, *, analyses: bool = False) -> Rulebook:
        return Rulebook(self.file, state=self.state, analyses=analyses, unix=lambda: self.now)

    def write(self, text: str | bytes) -> None:
        """In one step, with a time of its own: two writes may come in one tick of the disk's clock."""
        self.file.write_bytes(text.encode() if isinstance(text, str) else text)
        self.touched(self.file)

    def touched(self, path: Path) -> None:
        self._written += 1
        os.utime(path, (1000 + self._written, 1000 + self._written))

    async def running(self, rulebook: Rulebook, act: Callable[[Turns], Any]) -> None:
        """Its loop runs while `act` does; it is looked away from in between."""
        turns = Turns()
        self._monkeypatch.setattr(module, "asyncio", SimpleNamespace(sleep=turns.sleep, to_thread=asyncio.to_thread))
        async with asyncio.TaskGroup() as group:
            loop = group.create_task(rulebook.run())
            try:
                await act(turns)
            finally:
                loop.cancel()


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scene:
    return Scene(tmp_path, monkeypatch)


def group(rulebook: Rulebook) -> str | None:
    return rulebook.current.value.decide(FACTS, lambda: 0.0).group


def counts(rulebook: Rulebook) -> tuple[int, int]:
    return rulebook.counts.used, rulebook.counts.refused


def events(lines: Lines) -> list[str]:
    return [line["event"] for line in lines]


# --- the start


def test_the_file_is_in_force_from_the_start_and_its_copy_is_kept(scene: Scene) -> None:
    scene.write(says("a"))
    with capture_logs() as lines:
        rulebook = scene.started()
    assert group(rulebook) == "a"
    assert rulebook.state == {"file": str(scene.file), "rules": 1, "inForceSince": 1000.0, "error": ""}
    assert scene.copy.read_text() == says("a")
    assert scene.copy.stat().st_mode & 0o777 == 0o600
    assert lines == [{"event": "rules_in_force", "log_level": "info", "file": str(scene.file), "rules": 1}]


@pytest.mark.parametrize("text", [BROKEN, "name: a\n", b"\xff\xfe", "name: \x00"])
def test_with_a_broken_file_and_no_copy_there_is_no_start(scene: Scene, text: str | bytes) -> None:
    scene.write(text)
    with pytest.raises(SettingsError):
        scene.started()
    assert list(scene.state.iterdir()) == []


def test_without_a_file_and_a_copy_there_is_no_start(scene: Scene) -> None:
    with pytest.raises(
        SettingsError, match=r"^routingRules\.rulesConfigPath: /.*: the rules file cannot be read: no such"
    ):
        scene.started()


def test_a_broken_file_and_a_broken_copy_are_no_start_either(scene: Scene) -> None:
    scene.write(BROKEN)
    scene.copy.write_text("name: [also broken\n")
    with pytest.raises(SettingsError, match=r"rules\.yaml: line 2, column 1: not YAML"):
        scene.started()


@pytest.mark.parametrize("broken", [BROKEN, None], ids=["broken", "gone"])
def test_a_restart_with_a_broken_file_uses_the_last_good_one(scene: Scene, broken: str | None) -> None:
    scene.write(says("zoë"))
    scene.started()
    os.utime(scene.copy, (900, 900))
    if broken is None:
        scene.file.unlink()
    else:
        scene.write(broken)
    with capture_logs() as lines:
        rulebook = scene.started()
    assert group(rulebook) == "zoë"
    assert counts(rulebook) == (0, 1)
    assert rulebook.state["inForceSince"] == 900
    assert rulebook.error == lines[0]["problem"] != ""
    assert events(lines) == ["rules_refused"]


def test_a_copy_that_needs_what_is_switched_off_by_now_is_no_help(scene: Scene) -> None:
    scene.write("name: a\nwhen: {queryType: insert}\nthen: {group: a}\n")
    scene.started(analyses=True)
    scene.write(BROKEN)
    with pytest.raises(SettingsError, match="not YAML"):
        scene.started(analyses=False)


@pytest.mark.slow
def test_the_copy_is_written_in_utf_8_whatever_the_locale(scene: Scene) -> None:
    scene.write("\ufeff" + says("zoë"))
    code = (
        "import sys, pathlib; from warren.rulebook.rulebook import Rulebook;"
        "Rulebook(pathlib.Path(sys.argv[1]), state=pathlib.Path(sys.argv[2]), analyses=False, unix=lambda: 0.0)"
    )
    command = [sys.executable, "-X", "utf8=0", "-c", code, str(scene.file), str(scene.state)]
    ended = subprocess.run(
        command,
        cwd=Path(__file__).parents[2],
        env={"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0"},
        capture_output=True,
        timeout=60,
    )
    assert ended.returncode == 0, ended.stderr.decode()
    assert scene.copy.read_bytes() == says("zoë").encode()


def test_a_state_directory_that_takes_no_copy_costs_a_warning(scene: Scene) -> None:
    scene.write(says("a"))
    scene.state.rmdir()
    with capture_logs() as lines:
        rulebook = scene.started()
    assert group(rulebook) == "a"
    assert events(lines) == ["rules_not_kept", "rules_in_force"]


# --- changes


async def test_a_change_is_in_force_at_the_second_look(scene: Scene) -> None:
    scene.write(says("a"))
    rulebook = scene.started()

    async def act(turns: Turns) -> None:
        await turns.look(3)
        assert counts(rulebook) == (0, 0)
        scene.write(says("b"))
        scene.now = 2000.0
        await turns.look()
        assert group(rulebook) == "a"
        with capture_logs() as lines:
            await turns.look()
        assert group(rulebook) == "b"
        assert (counts(rulebook), rulebook.since) == ((1, 0), 2000.0)
        assert events(lines) == ["rules_in_force"]
        assert scene.copy.read_text() == says("b")

    await scene.running(rulebook, act)


async def test_a_file_that_is_written_in_two_steps_is_used_when_it_is_whole(scene: Scene) -> None:
    """The first half would be a right file of its own."""
    first, second = says("b"), "---\n" + says("c")
    scene.write(says("a"))
    rulebook = scene.started()

    async def act(turns: Turns) -> None:
        scene.write("")
        await turns.look()
        scene.write(first)
        await turns.look()
        assert group(rulebook) == "a"
        scene.write(first + second)
        await turns.look()
        assert (group(rulebook), counts(rulebook)) == ("a", (0, 0))
        await turns.look()
        assert (group(rulebook), counts(rulebook)) == ("c", (1, 0))

    await scene.running(rulebook, act)


async def test_a_file_that_changes_while_it_is_read_is_read_again(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene.write(says("a"))
    rulebook = scene.started()
    versions = iter([says("c"), None])

    def reads(path: Path, *, key: str) -> str:
        found = read_text(path, key=key)
        if (later := next(versions)) is not None:
            scene.write(later)
        return found

    monkeypatch.setattr(module, "read_text", reads)

    async def act(turns: Turns) -> None:
        scene.write(says("b"))
        await turns.look(2)
        assert (group(rulebook), counts(rulebook)) == ("a", (0, 0))
        await turns.look(2)
        assert (group(rulebook), counts(rulebook)) == ("c", (1, 0))

    await scene.running(rulebook, act)


async def test_a_broken_file_leaves_the_last_good_one_in_force_and_is_said_once(scene: Scene) -> None:
    scene.write(says("a"))
    rulebook = scene.started()

    async def act(turns: Turns) -> None:
        scene.write(BROKEN)
        scene.now = 3000.0
        with capture_logs() as lines:
            await turns.look(6)
        assert events(lines) == ["rules_refused"]
        assert lines[0]["in_force_since"] == 1000.0
        assert (group(rulebook), counts(rulebook)) == ("a", (0, 1))
        assert rulebook.error.startswith("rules.yaml: line 2, column 1: not YAML")
        assert (rulebook.state["error"], rulebook.state["inForceSince"]) == (rulebook.error, 1000.0)
        assert scene.copy.read_text() == says("a")

    await scene.running(rulebook, act)


async def test_a_file_with_several_mistakes_says_the_first_and_how_many_more(scene: Scene) -> None:
    scene.write(says("a"))
    rulebook = scene.started()

    async def act(turns: Turns) -> None:
        scene.write("name: a\nwhen: {sauce: x}\nthen: {grup: x}\n")
        await turns.look(2)
        assert rulebook.error.startswith("rules.yaml: line 2, column 8: rule a: when.sauce")
        assert rulebook.error.endswith("; and 1 more")

    await scene.running(rulebook, act)


async def test_a_mended_file_is_in_force_again(scene: Scene) -> None:
    scene.write(says("a"))
    rulebook = scene.started()

    async def act(turns: Turns) -> None:
        scene.write(BROKEN)
        await turns.look(2)
        scene.write(says("a"))
        with capture_logs() as lines:
            await turns.look(2)
        assert events(lines) == ["rules_mended"]
        assert (group(rulebook), counts(rulebook), rulebook.error) == ("a", (0, 1), "")
        assert rulebook.since == 1000.0
        scene.write(BROKEN)
        await turns.look(2)
        scene.write(says("b"))
        with capture_logs() as lines:
            await turns.look(2)
        assert events(lines) == ["rules_in_force"]
        assert (group(rulebook), counts(rulebook), rulebook.error) == ("b", (1, 2), "")

    await scene.running(rulebook, act)


async def test_a_file_that_is_only_touched_changes_nothing(scene: Scene) -> None:
    scene.write(says("a"))
    rulebook = scene.started()
    before = rulebook.current.value

    async def act(turns: Turns) -> None:
        scene.write(says("a"))
        with capture_logs() as lines:
            await turns.look(3)
        assert lines == []
        assert rulebook.current.value is before

    await scene.running(rulebook, act)


async def test_a_broken_file_of_the_start_is_mended_and_then_changed(scene: Scene) -> None:
    scene.write(says("a"))
    scene.started()
    scene.write(BROKEN)
    rulebook = scene.started()

    async def act(turns: Turns) -> None:
        await turns.look(2)
        assert counts(rulebook) == (0, 1)
        scene.write(says("a"))
        await turns.look(2)
        assert (rulebook.error, counts(rulebook)) == ("", (0, 1))
        scene.write(says("b"))
        await turns.look(2)
        assert (group(rulebook), counts(rulebook)) == ("b", (1, 1))

    await scene.running(rulebook, act)


async def test_a_file_that_is_replaced_by_another_is_used(scene: Scene, tmp_path: Path) -> None:
    """As editors and `git` do it. Size and time are those of the old one."""
    scene.write(says("a"))
    was = scene.file.stat()
    rulebook = scene.started()

    async def act(turns: Turns) -> None:
        fresh = tmp_path / "fresh.yaml"
        fresh.write_text(says("b"))
        os.utime(fresh, ns=(was.st_atime_ns, was.st_mtime_ns))
        fresh.replace(scene.file)
        await turns.look(2)
        assert group(rulebook) == "b"

    await scene.running(rulebook, act)


async def test_a_link_that_leads_elsewhere_is_followed_as_kubernetes_turns_it(scene: Scene, tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "rules.yaml").write_text(says(name))
    data = tmp_path / "..data"
    data.symlink_to("one")
    scene.file.symlink_to(Path("..data") / "rules.yaml")
    rulebook = scene.started()
    assert group(rulebook) == "one"

    async def act(turns: Turns) -> None:
        turned = tmp_path / "..data_tmp"
        turned.symlink_to("two")
        turned.replace(data)
        shutil.rmtree(tmp_path / "one")
        await turns.look(2)
        assert group(rulebook) == "two"
        assert not scene.copy.is_symlink()

    await scene.running(rulebook, act)


async def test_a_deleted_file_leaves_its_rules_in_force_until_there_is_another(scene: Scene) -> None:
    scene.write(says("a"))
    rulebook = scene.started()

    async def act(turns: Turns) -> None:
        scene.file.unlink()
        with capture_logs() as lines:
            await turns.look(6)
        assert events(lines) == ["rules_refused"]
        assert "no such file or directory" in rulebook.error
        assert (group(rulebook), counts(rulebook)) == ("a", (0, 1))
        scene.write(says("b"))
        await turns.look(2)
        assert (group(rulebook), rulebook.error) == ("b", "")

    await scene.running(rulebook, act)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
async def test_a_file_without_permission_is_read_once_it_may_be(scene: Scene) -> None:
    scene.write(says("a"))
    rulebook = scene.started()

    async def act(turns: Turns) -> None:
        scene.write(says("b"))
        scene.file.chmod(0)
        await turns.look(4)
        assert "permission denied" in rulebook.error
        assert (group(rulebook), counts(rulebook)) == ("a", (0, 1))
        scene.file.chmod(0o600)
        await turns.look(2)
        assert (group(rulebook), rulebook.error) == ("b", "")

    await scene.running(rulebook, act)


async def test_a_file_that_cannot_be_read_for_a_while_is_tried_again_and_said_once(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No more descriptors, a disk of the network that is away: the file itself does not change when that is over."""
    scene.write(says("a"))
    rulebook = scene.started()
    troubles = iter([OSError(24, "Too many open files")] * 3)
    content = module._content

    def read(path: Path) -> bytes:
        if (trouble := next(troubles, None)) is not None:
            raise trouble
        return content(path)

    monkeypatch.setattr(module, "_content", read)

    async def act(turns: Turns) -> None:
        scene.write(says("b"))
        with capture_logs() as lines:
            await turns.look(4)
        assert events(lines) == ["rules_refused"]
        assert (group(rulebook), counts(rulebook)) == ("a", (0, 1))
        await turns.look()
        assert (group(rulebook), counts(rulebook), rulebook.error) == ("b", (1, 1), "")

    await scene.running(rulebook, act)


async def test_a_file_that_could_not_be_read_at_the_start_is_tried_again(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene.write(says("a"))
    scene.started()
    scene.write(says("b"))
    with monkeypatch.context() as trouble:
        content = module._content

        def read(path: Path) -> bytes:
            if path == scene.file:
                raise OSError(5, "Input/output error")
            return content(path)

        trouble.setattr(module, "_content", read)
        rulebook = scene.started()
    assert (group(rulebook), rulebook.error != "") == ("a", True)

    async def act(turns: Turns) -> None:
        await turns.look(2)
        assert (group(rulebook), rulebook.error) == ("b", "")

    await scene.running(rulebook, act)


async def test_a_file_that_comes_back_as_it_was_is_in_force_without_a_complaint(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk of the network was away: inode, size and times are what they were."""
    scene.write(says("a"))
    rulebook = scene.started()
    signature = module._signature

    async def act(turns: Turns) -> None:
        hidden = scene.file.with_name("hidden.yaml")
        was = signature(scene.file)
        monkeypatch.setattr(module, "_signature", lambda path: was if path.exists() else None)
        scene.file.rename(hidden)
        await turns.look(3)
        assert rulebook.error != ""
        hidden.rename(scene.file)
        await turns.look(3)
        assert rulebook.error == ""

    await scene.running(rulebook, act)


# --- what is no file, or too much of one


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def make_directory(path: Path) -> None:
    path.mkdir()


def make_pipe(path: Path) -> None:
    os.mkfifo(path)


def make_loop(path: Path) -> None:
    path.symlink_to(path.name)


def make_device(path: Path) -> None:
    path.symlink_to("/dev/null")


def make_huge(path: Path) -> None:
    """Of characters that have two bytes, so that reading a part of it would end within one."""
    path.write_bytes("é".encode() * (LARGEST_FILE * 3))


def make_large(path: Path) -> None:
    path.write_bytes(b"#" * (LARGEST_FILE + 1))


def make_sparse(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(10**12)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (make_directory, "it is no ordinary file"),
        (make_pipe, "it is no ordinary file"),
        (make_device, "it is no ordinary file"),
        (make_loop, "too many levels of symbolic links"),
        (make_huge, f"the file is larger than {LARGEST_FILE} characters"),
        (make_large, f"the file is larger than {LARGEST_FILE} characters"),
        (make_sparse, f"the file is larger than {LARGEST_FILE} characters"),
    ],
)
async def test_what_is_no_rules_file_is_refused_and_may_become_one(
    scene: Scene, make: Callable[[Path], None], words: str
) -> None:
    scene.write(says("a"))
    rulebook = scene.started()
    before = open_files()

    async def act(turns: Turns) -> None:
        scene.file.unlink()
        make(scene.file)
        await turns.look(4)
        assert words in rulebook.error
        assert (group(rulebook), counts(rulebook)) == ("a", (0, 1))
        if scene.file.is_dir():
            scene.file.rmdir()
        else:
            scene.file.unlink()
        scene.write(says("b"))
        await turns.look(2)
        assert (group(rulebook), rulebook.error) == ("b", "")

    await scene.running(rulebook, act)
    assert open_files() == before


def test_a_pipe_does_not_hang_the_start(scene: Scene) -> None:
    make_pipe(scene.file)
    with pytest.raises(SettingsError, match="it is no ordinary file"):
        scene.started()


def test_a_file_of_another_charset_is_refused_with_its_line(scene: Scene) -> None:
    scene.write(b"name: a\n" + "description: Zoë\n".encode("latin-1"))
    with pytest.raises(SettingsError, match=r"line 2: .*the rules file is not text in UTF-8"):
        scene.started()


# --- several processes


def test_two_processes_that_keep_copies_at_once_leave_a_whole_one(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Containers that share a state directory, each of them process number 1: the one writes in the midst of the other."""
    scene.write(says("a"))
    one, other = scene.started(), scene.started()
    texts = [says("one") * 1000, says("other")]
    sync = os.fsync

    def in_between(descriptor: int) -> None:
        monkeypatch.setattr(os, "fsync", sync)
        other._keep(texts[1])
        assert scene.copy.read_text() == texts[1]
        sync(descriptor)

    monkeypatch.setattr(os, "getpid", lambda: 1)
    monkeypatch.setattr(os, "fsync", in_between)
    one._keep(texts[0])
    assert scene.copy.read_text() == texts[0]
    assert [path.name for path in scene.state.iterdir()] == [LAST_GOOD]


async def test_two_processes_follow_one_file(scene: Scene) -> None:
    scene.write(says("a"))
    one, other = scene.started(), scene.started()

    async def change(turns: Turns) -> None:
        await turns.look(2)

    scene.write(says("b"))
    await scene.running(one, change)
    assert (group(one), group(other)) == ("b", "a")
    await scene.running(other, change)
    assert group(other) == "b"
    scene.write(BROKEN)
    assert group(scene.started()) == "b"
