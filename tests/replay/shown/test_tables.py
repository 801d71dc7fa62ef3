import io
import re

from tests.replay.made import report, some_statements, statement, terms
from warren.replay.report import Report
from warren.replay.shown.tables import MOST_MOVES, WIDTH, show


def shown(given: Report) -> str:
    out = io.StringIO()
    show(given, out)
    return out.getvalue()


def row(text: str, *cells: str) -> bool:
    return re.search(r"^ ?" + r"\s{2,}".join(map(re.escape, cells)) + r"\s*$", text, re.MULTILINE) is not None


def test_it_says_how_many_move_from_where_to_where_and_by_which_rule() -> None:
    text = shown(report(some_statements()))
    assert "4 of 6 statements would move (66.7 %)." in text
    assert row(text, "adhoc", "etl", "2", "airflow")
    assert row(text, "adhoc", "rejected", "1", "drops")
    assert row(text, "bi", "cluster blue", "1", "carl")
    assert row(text, "airflow", "2", "3", "3", "2", "0")
    assert row(text, "no rule", "1")


def test_it_shows_examples() -> None:
    text = shown(report(some_statements()))
    assert (
        "adhoc → rejected: rule drops rejects it\n  q3  2026-11-01T12:00:00Z  ann / -\n    DROP TABLE a.b.c\n" in text
    )


def test_it_shows_the_load_of_groups_and_hours() -> None:
    text = shown(report(some_statements()))
    assert row(text, "etl", "1", "3", "+2", "1, 11-01 12h", "2, 11-01 12h")
    assert row(text, "2026-11-01 12:00", "3 → 1", "1 → 2", "0 → 1")
    assert "hours before" not in text
    assert "hours before" in shown(report([statement(wall_seconds=7200)]))


def test_the_rules_of_before_have_a_column_when_there_are_some() -> None:
    before = "name: old\nwhen: {user: ann}\nthen: {group: old}\n"
    assert row(shown(report([statement(user="ann")], terms(before=before))), "old", "old", "adhoc", "1", "no rule")


def test_nothing_is_said_to_be_nothing() -> None:
    assert "There are no statements to replay." in shown(report([]))


def test_it_fits_into_a_hundred_columns_whatever_clients_send() -> None:
    long = "x" * 300
    every = [statement(f"{long}{n}", long, user=long, source=long, group=f"{long}{n}") for n in range(60)]
    rules = f"name: {long}\nwhen: {{clientTags: a, headers: {{X-{long}: b}}}}\nthen: {{group: {'y' * 200}}}\n"
    text = shown(report(every, terms(rules), source={"statements": long, "bad": 12, "first_bad": (f"line 1: {long}",)}))
    assert max(map(len, text.splitlines())) <= WIDTH
    assert f"and {60 - MOST_MOVES} more kinds of moves" in text
    assert "left out: 11 more lines" in text


def test_nothing_that_a_terminal_would_obey_gets_through() -> None:
    text = shown(report([statement("\x1b[31mq", "SELECT '\x1b]0;x\x07[red]'", source="airflow", group="[bold]g\x9b")]))
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", text)
    assert "[bold]g?" in text
    assert "SELECT '?]0;x?[red]'" in text
