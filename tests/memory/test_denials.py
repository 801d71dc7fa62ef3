from warren.memory.denials import CAPACITY, DENIED_FOR_SECONDS, Denials


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_what_was_not_denied_is_not_held() -> None:
    assert not Denials(Clock()).holds("a")


def test_a_denial_holds_for_two_seconds() -> None:
    clock = Clock()
    denials = Denials(clock)
    denials.note("a")
    clock.now += DENIED_FOR_SECONDS - 0.01
    assert denials.holds("a")
    assert not denials.holds("b")
    clock.now += 0.01
    assert not denials.holds("a")


def test_a_denial_that_is_repeated_holds_anew() -> None:
    clock = Clock()
    denials = Denials(clock)
    denials.note("a")
    clock.now += 1.5
    denials.note("a")
    clock.now += 1.5
    assert denials.holds("a")


def test_what_is_over_makes_room() -> None:
    clock = Clock()
    denials = Denials(clock)
    for number in range(100):
        denials.note(str(number))
    clock.now += DENIED_FOR_SECONDS
    denials.note("last")
    assert len(denials) == 1


def test_a_flood_of_denials_is_bounded_and_keeps_the_latest() -> None:
    denials = Denials(Clock())
    for number in range(CAPACITY + 10):
        denials.note(str(number))
    assert len(denials) == CAPACITY
    assert denials.holds(str(CAPACITY + 9))
    assert not denials.holds("0")
