"""Few lines for a database that comes and goes, and pauses that grow."""

from structlog.testing import capture_logs

from warren.history.counts import Counts
from warren.history.trouble import LONGEST_PAUSE_SECONDS, QUIET_SECONDS, Trouble


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_one_line_when_it_begins_and_one_when_it_is_over() -> None:
    counts, clock = Counts(written=10), Clock()
    trouble = Trouble(counts, clock=clock)
    with capture_logs() as logs:
        trouble.ended()
        for _ in range(5):
            trouble.failed("refused")
        was_on = trouble.is_on
        counts.written, clock.now = 1010, 60.0
        trouble.ended()
        trouble.ended()
    assert (was_on, trouble.is_on) == (True, False)
    assert logs == [
        {"event": "history_delayed", "log_level": "warning", "because": "refused"},
        {"event": "history_caught_up", "log_level": "info", "rows": 1000, "seconds": 60.0},
    ]


def test_pauses_grow_to_a_few_seconds() -> None:
    trouble = Trouble(Counts(), clock=Clock())
    pauses = [trouble.failed("refused") for _ in range(2000)]
    assert pauses[:4] == [0.5, 1.0, 2.0, 4.0]
    assert max(pauses) == LONGEST_PAUSE_SECONDS
    trouble.ended()
    assert trouble.failed("refused") == 0.5


def test_a_database_that_flaps_fills_no_log() -> None:
    clock = Clock()
    trouble = Trouble(Counts(), clock=clock)
    with capture_logs() as logs:
        for _ in range(100):
            trouble.failed("refused")
            trouble.ended()
            clock.now += QUIET_SECONDS / 10
    assert len(logs) == 20
