import asyncio

import orjson
import pytest

from tests.telemetry.turns import Turns
from warren.telemetry.histogram import Distribution, Histogram
from warren.telemetry.metrics import Metric, Sample
from warren.telemetry.pieces import AT_ONCE
from warren.telemetry.summing import LARGEST, added, from_json, to_json


def distribution(*seconds: float) -> Distribution:
    histogram = Histogram()
    for each in seconds:
        histogram.observe(each)
    return histogram.now()


HERE = [
    Sample(Metric.STATEMENTS, ("taken",), 3),
    Sample(Metric.CLIENT_CONNECTIONS, (), 5),
    Sample(Metric.UPSTREAM_HEAD, ("blue",), distribution(0.25)),
    Sample(Metric.CACHE_BREAKER, ("v:6379", "calls"), 0),
    Sample(Metric.PROCESS_CPU, (), 1.5),
]
THERE = [
    Sample(Metric.STATEMENTS, ("taken",), 4),
    Sample(Metric.STATEMENTS, ("refused",), 1),
    Sample(Metric.CLIENT_CONNECTIONS, (), 2),
    Sample(Metric.UPSTREAM_HEAD, ("blue",), distribution(0.25, 40.0)),
    Sample(Metric.CACHE_BREAKER, ("v:6379", "calls"), 1),
]


async def test_counters_histograms_and_most_gauges_are_added() -> None:
    sums = await added({"0": HERE, "1": THERE})
    assert Sample(Metric.STATEMENTS, ("taken",), 7) in sums
    assert Sample(Metric.STATEMENTS, ("refused",), 1) in sums
    assert Sample(Metric.CLIENT_CONNECTIONS, (), 7) in sums
    assert Sample(Metric.UPSTREAM_HEAD, ("blue",), distribution(0.25, 0.25, 40.0)) in sums


async def test_what_cannot_be_added_is_told_of_each_worker() -> None:
    breakers = [each for each in await added({"0": HERE, "1": THERE}) if each.metric is Metric.CACHE_BREAKER]
    assert {each.worker: each.value for each in breakers} == {"0": 0, "1": 1}


async def test_samples_come_back_from_json_as_they_were() -> None:
    told = await from_json(await to_json(HERE))
    assert told == HERE
    assert await added({"0": told, "1": THERE}) == await added({"0": HERE, "1": THERE})


async def test_a_name_that_is_not_in_the_table_is_passed_over() -> None:
    assert await from_json(b'[["warren_later_total",[],1],["warren_client_connections",[],1]]') == [
        Sample(Metric.CLIENT_CONNECTIONS, (), 1)
    ]


BUCKETS = [0] * 18


@pytest.mark.parametrize(
    "told",
    [
        {},
        [1],
        [["warren_client_connections", []]],
        [["warren_client_connections", [], "1"]],
        [["warren_client_connections", [], True]],
        [["warren_client_connections", [], None]],
        [["warren_client_connections", [], 1e300]],
        [["warren_client_connections", ["x"], 1]],
        [["warren_statements_total", [], 1]],
        [["warren_statements_total", [1], 1]],
        [["warren_statements_total", ["x" * 1001], 1]],
        [["warren_statements_total", ["taken"], -1]],
        [["warren_statements_total", ["taken"], [BUCKETS, 0]]],
        [["warren_upstream_head_seconds", ["blue"], 1]],
        [["warren_upstream_head_seconds", ["blue"], [BUCKETS[1:], 0]]],
        [["warren_upstream_head_seconds", ["blue"], [[*BUCKETS[1:], -1], 0]]],
        [["warren_upstream_head_seconds", ["blue"], [[*BUCKETS[1:], 1.5], 0]]],
        [["warren_upstream_head_seconds", ["blue"], [[*BUCKETS[1:], True], 0]]],
        [["warren_upstream_head_seconds", ["blue"], [BUCKETS, -1]]],
        [["warren_upstream_head_seconds", ["blue"], [BUCKETS, True]]],
    ],
)
async def test_what_no_worker_says_is_refused(told: object) -> None:
    with pytest.raises(ValueError):
        await from_json(orjson.dumps(told))


@pytest.mark.parametrize("text", [b"", b"[", b"\xff", b"NaN", b"[" * 5000, b" " * (LARGEST + 1)])
async def test_what_is_no_json_or_too_much_is_refused(text: bytes) -> None:
    with pytest.raises(ValueError):
        await from_json(text)


async def test_others_have_their_turn_while_many_samples_are_told_and_added() -> None:
    many = [Sample(Metric.UPSTREAM_REQUESTS, (f"cluster{number}",), number) for number in range(2000)]
    turns = Turns()
    async with asyncio.TaskGroup() as group:
        running = group.create_task(turns.take())
        told = await to_json(many)
        after_telling = turns.count
        assert await from_json(told) == many
        after_reading = turns.count
        assert len(await added({"0": many, "1": many})) == len(many)
        after_adding = turns.count
        running.cancel()
    pieces = len(many) // AT_ONCE
    assert min(after_telling, after_reading - after_telling) >= pieces - 1
    assert after_adding - after_reading >= 2 * pieces - 1
