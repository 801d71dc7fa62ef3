import pytest

from tests.replay.made import report, some_statements, statement, terms
from warren.replay.statement import Statement, in_words


def test_moves_come_with_the_names_of_their_rules_the_most_frequent_first() -> None:
    found = report(some_statements())
    assert [(in_words(move.before), in_words(move.after), move.count, move.rule) for move in found.moves] == [
        ("adhoc", "etl", 2, "airflow"),
        ("adhoc", "rejected", 1, "drops"),
        ("bi", "cluster blue", 1, "carl"),
    ]
    assert [each.name for each in found.moves[0].examples] == ["q1", "q2"]
    assert found.moves[0].because == "rule airflow says group etl"


def test_each_rule_is_counted() -> None:
    found = report(some_statements())
    assert [(rule.name, rule.applied, rule.decided, rule.moved) for rule in found.rules] == [
        ("airflow", 3, 3, 2),
        ("drops", 1, 1, 1),
        ("carl", 1, 1, 1),
    ]
    assert found.default_decided == 1


def test_a_move_to_the_default_group_has_no_rule_and_names_the_one_of_before() -> None:
    before = "name: old\nwhen: {user: ann}\nthen: {group: old}\n"
    (move,) = report([statement(user="ann")], terms(before=before)).moves
    assert (in_words(move.before), move.rule_before, in_words(move.after), move.rule) == ("old", "old", "adhoc", None)
    assert move.because == "none of 3 rules says a group, so default group adhoc"


def test_examples_are_as_many_as_asked_for() -> None:
    assert [len(move.examples) for move in report(some_statements(), shown=1).moves] == [1, 1, 1]
    assert [len(move.examples) for move in report(some_statements(), shown=0).moves] == [0, 0, 0]


def test_the_busiest_places_come_first() -> None:
    assert [in_words(place) for place in report(some_statements()).loads] == [
        "adhoc",
        "etl",
        "bi",
        "cluster blue",
        "rejected",
    ]


def test_the_history_says_what_it_does_not_have() -> None:
    (note,) = report(some_statements()).notes
    assert "no client tags" in note
    assert report(some_statements(), source={"is_history": False}).notes == ()


@pytest.mark.parametrize(
    ("one", "said"),
    [
        (statement(sql="SELECT * FROM t"), "Of 1 statement the tables are not known"),
        (statement(group=None, source="airflow"), "Of 1 statement it is not recorded who ran it"),
        (
            statement(sql="CALL system.runtime.kill_query('20260416_160256_03078_6b4yt')"),
            "1 statement would end a query",
        ),
    ],
)
def test_what_a_reader_should_know_is_said(one: Statement, said: str) -> None:
    (note,) = report([one], source={"is_history": False}).notes
    assert note.startswith(said)


def test_a_limit_and_missing_times_are_said() -> None:
    notes = report([statement(is_timed=False)], source={"is_history": False, "limited": 1}).notes
    assert notes == (
        "1 statement without a time: taken as sent now.",
        "Reading stopped after 1 statement, as asked; there are more.",
    )
