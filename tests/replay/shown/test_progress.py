import io

from warren.replay.shown.progress import LINE_SECONDS, lines, telling


class Terminal(io.StringIO):
    """What takes a bar."""

    def isatty(self) -> bool:
        return True


def test_where_nobody_sits_there_is_a_line_every_few_seconds() -> None:
    now, out = [0.0], io.StringIO()
    tell = lines(out, lambda: now[0])
    for second in range(12):
        now[0] = float(second)
        tell(second / 12, second * 1000)
    assert LINE_SECONDS == 5
    assert out.getvalue() == "replaying: 42 %, 5,000 statements\nreplaying: 83 %, 10,000 statements\n"


def test_what_is_quick_says_nothing() -> None:
    out = io.StringIO()
    with telling(out) as tell:
        tell(1.0, 5)
    assert out.getvalue() == ""


def test_a_terminal_has_a_bar_that_is_gone_afterwards() -> None:
    out = Terminal()
    with telling(out) as tell:
        tell(0.5, 5000)
    assert "replaying" in out.getvalue()
    assert "\n5,000" not in out.getvalue()
