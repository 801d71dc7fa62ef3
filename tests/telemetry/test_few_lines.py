from warren.telemetry.few_lines import LINES_A_MINUTE, FewLines


def test_a_flood_is_cut_to_a_few_lines_a_minute_and_counted() -> None:
    now = 0.0
    lines = FewLines(lambda: now)
    said = [lines.one_more() for _ in range(100)]
    assert said == [{}] * LINES_A_MINUTE + [None] * (100 - LINES_A_MINUTE)
    now = 61.0
    assert lines.one_more() == {"left_out": 100 - LINES_A_MINUTE}
    assert lines.one_more() == {}


def test_it_can_be_made_for_one_line_in_a_while() -> None:
    now = 0.0
    lines = FewLines(lambda: now, lines=1, seconds=30.0)
    said = []
    for second in range(0, 70, 10):
        now = float(second)
        said.append(lines.one_more() is not None)
    assert [10 * at for at, yes in enumerate(said) if yes] == [0, 30, 60]
