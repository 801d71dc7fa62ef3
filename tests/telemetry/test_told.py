"""Workers that tell, are silent and end, in one directory."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import orjson
import pytest
from structlog.testing import capture_logs

from warren.telemetry import told as module
from warren.telemetry.lasting import lasts
from warren.telemetry.metrics import Metric, Sample
from warren.telemetry.summing import added, from_json
from warren.telemetry.told import ENDED, NAMES_KEPT, Alone, Ended, Told

GAUGE = Sample(Metric.CLIENT_CONNECTIONS, (), 5)


def taken(number: int) -> Sample:
    return Sample(Metric.STATEMENTS, ("taken",), number)


def counting(*samples: Sample) -> Callable[[], Awaitable[Sequence[Sample]]]:
    async def take() -> Sequence[Sample]:
        return samples

    return take


def left_in(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


async def sum_of(samples: Sequence[Sample]) -> float:
    """Statements that were taken."""
    found = [each.value for each in await added({"": samples}) if each.metric is Metric.STATEMENTS]
    assert all(isinstance(value, int) for value in found)
    return found[0] if found else 0  # type: ignore[return-value] # checked above


async def test_one_alone_tells_what_it_counts_and_writes_nothing() -> None:
    assert await Alone().tell(counting(taken(3), GAUGE)) == (taken(3), GAUGE)
    assert (await Alone().past(())).samples == ()


async def test_what_is_told_is_in_the_file_before_but_for_gauges(tmp_path: Path) -> None:
    told = Told(tmp_path / "told-1-1.json")
    assert set(await told.tell(counting(taken(3), GAUGE))) == {taken(3), GAUGE}
    assert await from_json((tmp_path / told.name).read_bytes()) == [taken(3)]
    assert left_in(tmp_path) == [told.name]


async def test_a_counter_that_begins_anew_is_told_to_go_on(tmp_path: Path) -> None:
    told = Told(tmp_path / "told-1-1.json")
    await told.tell(counting(taken(3)))
    assert await told.tell(counting(taken(1))) == [taken(4)]


async def test_the_past_is_of_those_who_are_not_counted(tmp_path: Path) -> None:
    ended = Ended(tmp_path)
    here, there = Told(ended.file_for(1)), Told(ended.file_for(2))
    await here.tell(counting(taken(3)))
    await there.tell(counting(taken(4)))
    assert await sum_of((await here.past({here.name})).samples) == 4
    assert await sum_of((await here.past({here.name, there.name})).samples) == 0
    assert await sum_of((await here.past(())).samples) == 7


async def test_those_who_have_ended_are_counted_from_one_file(tmp_path: Path) -> None:
    ended = Ended(tmp_path)
    files = [ended.file_for(1) for _ in range(3)]
    for number, file in enumerate(files, start=1):
        await Told(file).tell(counting(taken(number)))
        await ended.fold(file)
    assert left_in(tmp_path) == [ENDED]
    past = await Told(ended.file_for(1)).past(())
    assert await sum_of(past.samples) == 6
    assert past.folded == {file.name for file in files}


async def test_one_that_told_nobody_anything_leaves_nothing(tmp_path: Path) -> None:
    ended = Ended(tmp_path)
    await ended.fold(ended.file_for(1))
    assert left_in(tmp_path) == []


async def test_a_file_that_was_folded_and_is_still_there_is_not_counted_twice(tmp_path: Path) -> None:
    ended = Ended(tmp_path)
    file = ended.file_for(1)
    await Told(file).tell(counting(taken(3)))
    text = file.read_bytes()
    await ended.fold(file)
    file.write_bytes(text)
    assert await sum_of((await Told(ended.file_for(1)).past(())).samples) == 3


async def test_a_file_that_is_folded_while_others_are_read_is_counted_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = Ended(tmp_path)
    file, reader = ended.file_for(1), Told(ended.file_for(2))
    await Told(file).tell(counting(taken(3)))
    loop, read = asyncio.get_running_loop(), module._found

    def folded_after(path: Path) -> bytes | None:
        text = read(path)
        if path == file:
            asyncio.run_coroutine_threadsafe(ended.fold(file), loop).result(10)
        return text

    monkeypatch.setattr(module, "_found", folded_after)
    assert await sum_of((await reader.past(())).samples) == 3


async def test_names_of_ended_ones_are_kept_for_a_while_and_their_numbers_for_good(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert NAMES_KEPT > 2 * 256, "as many as a host has workers may end at once"
    monkeypatch.setattr(module, "NAMES_KEPT", 2)
    ended = Ended(tmp_path)
    files = [ended.file_for(1) for _ in range(4)]
    for file in files:
        await Told(file).tell(counting(taken(1)))
        await ended.fold(file)
    past = await Told(ended.file_for(1)).past(())
    assert past.folded == {file.name for file in files[2:]}
    assert await sum_of(past.samples) == 4


async def test_no_two_workers_get_the_same_file(tmp_path: Path) -> None:
    ended = Ended(tmp_path)
    assert len({ended.file_for(slot) for slot in (1, 2, 1, 2)}) == 4


TOLD = b'[["warren_statements_total",["taken"],3]]'


@pytest.mark.parametrize("text", [b"", b"[", TOLD[:-9], b"\xff", b"{}", b'[["warren_statements_total",["taken"],-1]]'])
async def test_a_file_with_garbage_is_passed_over_with_a_line(tmp_path: Path, text: bytes) -> None:
    ended = Ended(tmp_path)
    bad, good, reader = (Told(ended.file_for(slot)) for slot in (1, 2, 3))
    await good.tell(counting(taken(4)))
    (tmp_path / bad.name).write_bytes(text)
    with capture_logs() as lines:
        assert await sum_of((await reader.past(())).samples) == 4
    assert [(line["event"], line["file"]) for line in lines] == [("counters_ignored", bad.name)]

    await ended.fold(tmp_path / bad.name)
    assert await sum_of((await reader.past(())).samples) == 4
    assert not (tmp_path / bad.name).exists()


@pytest.mark.parametrize("text", [b"", b"[\n[]", b"[1]\n" + TOLD, b'["a"]', b'["a"]\n[', b"{}\n[]"])
async def test_garbage_about_the_ended_is_passed_over_with_a_line(tmp_path: Path, text: bytes) -> None:
    told = Told(tmp_path / "told-1-1.json")
    await told.tell(counting(taken(4)))
    (tmp_path / ENDED).write_bytes(text)
    with capture_logs() as lines:
        assert await sum_of((await told.past(())).samples) == 4
    assert [(line["event"], line["file"]) for line in lines] == [("counters_ignored", ENDED)]


async def test_gauges_in_a_file_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / "told-1-1.json").write_bytes(b'[["warren_client_connections",[],1],["warren_rules",[],1]]')
    assert (await Told(tmp_path / "told-1-2.json").past(())).samples == []


async def test_no_more_of_a_file_is_read_than_a_worker_tells(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LARGEST", len(TOLD) - 2)
    (tmp_path / "told-1-1.json").write_bytes(TOLD)
    with capture_logs() as lines:
        assert (await Told(tmp_path / "told-1-2.json").past(())).samples == []
    assert [line["event"] for line in lines] == ["counters_ignored"]


async def test_what_would_be_too_much_together_stays_in_files_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = Ended(tmp_path)
    file = ended.file_for(1)
    await Told(file).tell(counting(taken(3)))
    monkeypatch.setattr(module, "LARGEST", len(file.read_bytes()))
    with capture_logs() as lines:
        await ended.fold(file)
    assert [line["event"] for line in lines] == ["counters_not_kept"]
    assert await sum_of((await Told(ended.file_for(1)).past(())).samples) == 3


async def test_what_cannot_be_written_is_told_all_the_same_with_few_lines(tmp_path: Path) -> None:
    told = Told(tmp_path / "gone" / "told-1-1.json")
    with capture_logs() as lines:
        for _ in range(20):
            assert await told.tell(counting(taken(3))) == [taken(3)]
    assert {line["event"] for line in lines} == {"counters_not_kept"}
    assert len(lines) < 10
    assert (await told.past(())).samples == []


async def test_a_fold_that_cannot_be_written_changes_nothing(tmp_path: Path) -> None:
    ended = Ended(tmp_path)
    file, later = ended.file_for(1), ended.file_for(1)
    for each in (file, later):
        await Told(each).tell(counting(taken(3)))
    in_the_way = tmp_path / f"{ENDED}.new"
    in_the_way.mkdir()
    with capture_logs() as lines:
        await ended.fold(file)
    assert [line["event"] for line in lines] == ["counters_not_kept"]
    reader = Told(ended.file_for(2))
    assert await sum_of((await reader.past(())).samples) == 6

    in_the_way.rmdir()
    await ended.fold(later)
    assert await sum_of((await reader.past(())).samples) == 6


async def test_the_older_of_two_pictures_never_replaces_the_newer(tmp_path: Path) -> None:
    told, began, go_on = Told(tmp_path / "told-1-1.json"), asyncio.Event(), asyncio.Event()

    async def slowly() -> Sequence[Sample]:
        began.set()
        await go_on.wait()
        return [taken(1)]

    async with asyncio.TaskGroup() as group:
        group.create_task(told.tell(slowly))
        await began.wait()
        group.create_task(told.tell(counting(taken(2))))
        await asyncio.sleep(0)
        go_on.set()
    assert await from_json((tmp_path / told.name).read_bytes()) == [taken(2)]


async def test_the_file_of_the_ended_has_names_and_numbers(tmp_path: Path) -> None:
    ended = Ended(tmp_path)
    file = ended.file_for(1)
    await Told(file).tell(counting(taken(3)))
    await ended.fold(file)
    names, numbers = (tmp_path / ENDED).read_bytes().split(b"\n")
    assert orjson.loads(names) == [file.name]
    assert list(filter(lasts, await from_json(numbers))) == [taken(3)]
