from collections.abc import Iterator, Sequence
from itertools import permutations

import pytest

from warren.telemetry.histogram import Distribution, Histogram
from warren.telemetry.lasting import Lasting, lasts
from warren.telemetry.metrics import Metric, Sample
from warren.telemetry.summing import added


def distribution(*seconds: float) -> Distribution:
    histogram = Histogram()
    for each in seconds:
        histogram.observe(each)
    return histogram.now()


def asked(cluster: str, times: int) -> Sample:
    return Sample(Metric.UPSTREAM_REQUESTS, (cluster,), times)


@pytest.mark.parametrize(
    ("metric", "does"),
    [
        (Metric.STATEMENTS, True),
        (Metric.STATEMENT_SECONDS, True),
        (Metric.PROCESS_CPU, True),
        (Metric.CLIENT_CONNECTIONS, False),
        (Metric.CACHE_BREAKER, False),
    ],
)
def test_counters_and_histograms_last(metric: Metric, does: bool) -> None:
    assert lasts(Sample(metric, (), 0)) is does


async def test_what_only_grows_and_what_is_no_counter_stay_as_they_are() -> None:
    lasting = Lasting()
    for number in (7, 8):
        samples = [Sample(Metric.CLIENT_CONNECTIONS, (), 9 - number), asked("blue", number)]
        assert await lasting.of(samples) == samples


async def test_a_counter_that_begins_anew_goes_on() -> None:
    lasting = Lasting()
    told = [await lasting.of([asked("blue", number)]) for number in (7, 2, 3, 0, 1)]
    assert told == [[asked("blue", number)] for number in (7, 9, 10, 10, 11)]


async def test_a_counter_that_goes_stays_and_goes_on_when_it_comes_back() -> None:
    lasting = Lasting()
    await lasting.of([asked("blue", 7)])
    assert await lasting.of([]) == [asked("blue", 7)]
    assert await lasting.of([asked("blue", 1)]) == [asked("blue", 8)]


async def test_a_histogram_that_begins_anew_goes_on() -> None:
    lasting = Lasting()
    await lasting.of([Sample(Metric.UPSTREAM_HEAD, ("blue",), distribution(0.25, 1.0))])
    (told,) = await lasting.of([Sample(Metric.UPSTREAM_HEAD, ("blue",), distribution(40.0))])
    assert told.value == distribution(0.25, 1.0, 40.0)


async def test_a_histogram_that_begins_anew_is_known_by_its_sum_as_well() -> None:
    lasting = Lasting()
    await lasting.of([Sample(Metric.UPSTREAM_HEAD, ("blue",), distribution(0.9375, 0.9375))])
    (told,) = await lasting.of([Sample(Metric.UPSTREAM_HEAD, ("blue",), distribution(0.5625, 0.5625, 0.5625))])
    assert told.value == distribution(0.9375, 0.9375, 0.5625, 0.5625, 0.5625)


async def test_sums_are_the_same_in_whatever_order() -> None:
    """As they are not of 0.1, 0.2 and 0.3 themselves."""
    told = [
        await Lasting().of(
            [Sample(Metric.PROCESS_CPU, (), each), Sample(Metric.STATEMENT_SECONDS, (), distribution(each))]
        )
        for each in (0.1, 0.2, 0.3)
    ]
    sums = [await added(dict(by_worker(order))) for order in permutations(told)]
    assert all(each == sums[0] for each in sums)
    assert sums[0][0].value == pytest.approx(0.6, abs=1e-5)


def by_worker(workers: Sequence[list[Sample]]) -> Iterator[tuple[str, list[Sample]]]:
    return ((str(number), samples) for number, samples in enumerate(workers))
