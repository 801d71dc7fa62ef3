from warren.rulebook.breaker import FAILURES, FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS, Breaker


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_calls_that_were_made_before_it_opened_do_not_decide() -> None:
    clock = Clock()
    breaker = Breaker(clock)
    breaker.failed("connection refused", at_once=True, is_trial=False)
    breaker.answered(is_trial=False)
    assert breaker.is_open
    breaker.failed("connection refused", at_once=True, is_trial=False)
    clock.now += FIRST_PAUSE_SECONDS
    assert breaker.lets_through()


def test_several_failures_in_a_row_open_it_and_those_with_answers_between_do_not() -> None:
    breaker = Breaker(Clock())
    for _ in range(3 * FAILURES):
        breaker.failed("silence", at_once=False, is_trial=False)
        breaker.answered(is_trial=False)
    assert breaker.lets_through()
    for _ in range(FAILURES):
        breaker.failed("silence", at_once=False, is_trial=False)
    assert breaker.is_open
    assert breaker.error == "silence"


def test_pauses_double_up_to_the_longest_and_only_one_call_at_a_time_tries() -> None:
    clock = Clock()
    breaker = Breaker(clock)
    breaker.failed("away", at_once=True, is_trial=False)
    pause = FIRST_PAUSE_SECONDS
    while pause < LONGEST_PAUSE_SECONDS:
        assert not breaker.lets_through()
        clock.now += pause
        assert breaker.lets_through()
        assert not breaker.lets_through()
        breaker.failed("still away", at_once=False, is_trial=True)
        breaker.tried()
        pause *= 2
    clock.now += LONGEST_PAUSE_SECONDS
    assert breaker.lets_through()
    breaker.answered(is_trial=True)
    breaker.tried()
    assert not breaker.is_open
