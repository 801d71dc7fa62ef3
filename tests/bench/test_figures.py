import pytest

from bench.figures import SORTS, Key, Medians, Pair, figures, medians


def test_the_ratio_is_the_median_of_each_repetitions_ratio() -> None:
    # In the second repetition the machine was busy: both took three times as long, and the ratio says so of neither.
    found = medians([Pair(10, 15), Pair(30, 45), Pair(10, 16)])

    assert found == Medians(nginx=10, warren=16, ratio=1.5)


def test_nothing_is_divided_by_nothing() -> None:
    assert medians([Pair(0, 3)]).ratio is None
    assert medians([Pair(0, 3), Pair(2, 3)]).ratio == 1.5


def test_what_nginx_does_not_do_has_no_ratio() -> None:
    assert medians([Pair(None, 3), Pair(None, 5), Pair(None, 4)]) == Medians(nginx=None, warren=4, ratio=None)


def test_a_request_is_told_in_units_of_another() -> None:
    poll = medians([Pair(10, 20)])

    assert Pair(15, 100).over(poll) == Pair(1.5, 5)
    assert Pair(None, 100).over(poll) == Pair(None, 5)


@pytest.mark.parametrize(
    ("key", "pair", "met"),
    [
        (Key.POLL_CPU, Pair(10, 16), True),
        (Key.POLL_CPU, Pair(10, 16.1), False),
        (Key.LARGE_ANSWER_CPU, Pair(1000, 1000), True),
        (Key.LARGE_ANSWER_CPU, Pair(1000, 1001), False),
        (Key.SUBMISSION_IN_POLLS, Pair(1, 8), None),
        (Key.SUBMISSION_BOTH_IN_POLLS, Pair(None, 8), True),
        (Key.SUBMISSION_BOTH_IN_POLLS, Pair(None, 8.1), False),
        (Key.HISTORY_BATCHES, Pair(None, 1.0), True),
        (Key.HISTORY_BATCHES, Pair(None, 1.1), False),
        (Key.ADDED_P50, Pair(0.02, 0.15), True),
        (Key.ADDED_P99, Pair(0.02, 0.51), False),
        (Key.CROWD_ANSWERED, Pair(100, 100), True),
        (Key.CROWD_ANSWERED, Pair(100, 99.99), False),
        (Key.CROWD_P99, Pair(1.1, 1.5), True),
        (Key.CONNECTION_MEMORY, Pair(10, 20.5), False),
        (Key.IDLE_MEMORY, Pair(8, 110), True),
        (Key.START, Pair(0.01, 1.6), False),
        (Key.STREAM_GROWTH, Pair(0, 1), True),
        (Key.POLLS_PER_SECOND, Pair(1, 1), None),
    ],
)
def test_goals_are_judged_by_what_they_name(key: Key, pair: Pair, met: bool | None) -> None:
    (figure,) = figures({key: [pair]})

    assert figure.is_met is met


def test_figures_come_in_one_order_whatever_was_measured_first() -> None:
    readings = {key: [Pair(1, 1)] for key in reversed(Key)}

    assert [figure.key for figure in figures(readings)] == list(SORTS)
    assert set(SORTS) == set(Key)
