from warren.telemetry.histogram import Histogram


def test_an_observation_counts_in_the_first_bucket_that_holds_it() -> None:
    histogram = Histogram((1.0, 2.0))
    for value in (0.5, 1.0, 1.5, 7.0):
        histogram.observe(value)
    assert histogram.counts == [2, 1, 1]
    assert (histogram.count, histogram.sum) == (4, 10.0)


def test_nothing_was_observed_at_first() -> None:
    assert (Histogram().count, Histogram().sum) == (0, 0.0)
