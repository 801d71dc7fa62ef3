from warren.pauses import Pauses


def test_they_double_up_to_the_longest_and_start_again_after_a_success() -> None:
    pauses = Pauses(0.5, 3.0)
    assert [pauses.next() for _ in range(5)] == [0.5, 1.0, 2.0, 3.0, 3.0]
    pauses.restart()
    assert [pauses.next() for _ in range(2)] == [0.5, 1.0]


def test_the_first_is_no_longer_than_the_longest() -> None:
    assert Pauses(5.0, 1.0).next() == 1.0
