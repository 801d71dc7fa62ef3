import pytest

from warren.telemetry.histogram import NOTHING, SECONDS, Histogram


def test_an_observation_counts_in_the_first_bucket_that_holds_it() -> None:
    histogram = Histogram()
    for value in (0.0, SECONDS[0], 0.0002, 30.0, 31.0):
        histogram.observe(value)
    assert histogram.counts == [2, 1, *[0] * (len(SECONDS) - 3), 1, 1]
    assert histogram.count == 5
    assert histogram.sum == pytest.approx(61.0003)


def test_nothing_was_observed_at_first() -> None:
    assert (Histogram().count, Histogram().sum) == (0, 0.0)
    assert Histogram().now() == NOTHING


def test_what_it_held_at_one_moment_stays_and_can_be_added() -> None:
    histogram = Histogram()
    histogram.observe(0.3)
    before = histogram.now()
    histogram.observe(0.3)
    assert sum(before.counts) == 1
    assert before + before == histogram.now()
