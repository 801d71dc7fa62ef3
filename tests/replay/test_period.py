import pytest

from warren.replay.period import Period


@pytest.mark.parametrize(("when", "holds"), [(99, False), (100, True), (199, True), (200, False)])
def test_its_end_is_not_part_of_it(when: int, holds: bool) -> None:
    assert Period(100, 200).holds(when) is holds


@pytest.mark.parametrize(("when", "share"), [(0, 0.0), (100, 0.0), (150, 0.5), (300, 1.0)])
def test_how_much_of_it_is_over(when: int, share: float) -> None:
    assert Period(100, 200).share(when) == share


def test_a_period_without_length_is_no_trouble() -> None:
    assert Period(5, 5).share(5) == 0.0
