import pytest

from tests.replay.made import NOON, statement, terms
from warren.errors import SettingsError
from warren.replay.judging import Chance, Judge
from warren.replay.statement import HOUR_MS, REJECTED, UNKNOWN, Kind, Place, Statement


def group(name: str) -> Place:
    return Place(Kind.GROUP, name)


@pytest.mark.parametrize(
    ("given", "place", "rule"),
    [
        (statement(source="airflow"), group("etl"), 0),
        (statement(sql="DROP TABLE a.b.c", source="airflow"), REJECTED, 1),
        (statement(user="carl"), Place(Kind.CLUSTER, "blue"), 2),
        (statement(user="ann"), group("adhoc"), None),
    ],
)
def test_where_rules_send_it_and_which_rule_says_so(given: Statement, place: Place, rule: int | None) -> None:
    verdict = Judge(terms()).judge(given)
    assert (verdict.before, verdict.after.place, verdict.after.rule) == (group("adhoc"), place, rule)


def test_every_rule_that_applied_is_noted_in_its_order() -> None:
    verdict = Judge(terms()).judge(statement(user="carl", source="airflow"))
    assert verdict.after.applied == (0, 2)
    assert verdict.after.rule == 2, "the pinned cluster has the last word"


def test_a_rule_that_puts_what_stands_there_already_decides_nothing() -> None:
    rules = (
        "name: one\nwhen: {user: ann}\nthen: {group: etl}\n---\n"
        "name: two\npriority: 1\ncondition: 'true'\nactions: ['result.put(\"routingGroup\", result.get(\"routingGroup\"))']\n"
    )
    opinion = Judge(terms(rules)).judge(statement(user="ann")).after
    assert (opinion.rule, opinion.applied) == (0, (0, 1))


def test_of_rules_that_say_the_same_the_first_decides() -> None:
    rules = "name: one\nwhen: {user: ann}\nthen: {group: etl}\n---\nname: two\nwhen: {user: ann}\nthen: {group: etl}\n"
    opinion = Judge(terms(rules)).judge(statement(user="ann")).after
    assert (opinion.rule, opinion.because) == (0, "rule one says group etl")


def test_a_rule_that_says_no_group_decides_nothing() -> None:
    rules = "name: one\ncondition: 'true'\nactions: ['result.put(\"routingGroup\", \"\")']\n"
    opinion = Judge(terms(rules)).judge(statement(user="ann")).after
    assert (opinion.place, opinion.rule) == (group("adhoc"), None)


def test_a_pinned_cluster_that_ran_it_is_no_move() -> None:
    verdict = Judge(terms()).judge(statement(user="carl", cluster="blue", group="bi"))
    assert verdict.before == verdict.after.place == Place(Kind.CLUSTER, "blue")


def test_what_was_before_is_what_other_rules_say_when_these_are_given() -> None:
    before = "name: old\nwhen: {user: ann}\nthen: {group: old}\n"
    verdict = Judge(terms(before=before)).judge(statement(user="ann", group="whatever"))
    assert (verdict.before, verdict.rule_before, verdict.after.place) == (group("old"), 0, group("adhoc"))


def test_what_nobody_wrote_down_is_not_guessed() -> None:
    assert Judge(terms()).judge(statement(group=None)).before == UNKNOWN


@pytest.mark.parametrize(("hour", "place"), [(21, "adhoc"), (22, "night"), (29, "night"), (30, "adhoc")])
def test_the_time_is_that_of_the_statement(hour: int, place: str) -> None:
    rules = 'name: night\nwhen: {timeOfDay: "22:00-06:00"}\nthen: {group: night}\n'
    given = statement(when=NOON + (hour - 12) * HOUR_MS)
    assert Judge(terms(rules)).judge(given).after.place == group(place)


def test_without_rules_the_header_decides() -> None:
    judge = Judge(terms(None))
    assert judge.judge(statement(headers={"x-trino-routing-group": ("bi",)})).after.place == group("bi")
    assert judge.judge(statement()).after.place == group("adhoc")


def test_where_a_rule_fails_the_header_decides() -> None:
    rules = (
        "name: fine\nwhen: {user: bob}\nthen: {group: x}\n---\n"
        "name: broken\npriority: 1\ncondition: 'request.getIntHeader(\"X-N\") > 1'\n"
        'actions: [\'result.put("routingGroup", "y")\']\n'
    )
    headers = {"x-n": ("many",), "x-trino-routing-group": ("bi",)}
    opinion = Judge(terms(rules)).judge(statement(headers=headers)).after
    assert (opinion.place, opinion.failed, opinion.rule) == (group("bi"), 1, None)
    assert opinion.because.startswith("rule broken: ")
    assert opinion.because.endswith("header X-Trino-Routing-Group says bi")


def test_what_ends_a_query_goes_where_that_query_is() -> None:
    kill = "CALL system.runtime.kill_query(query_id => '20260416_160256_03078_6b4yt', message => 'x')"
    verdict = Judge(terms()).judge(statement(sql=kill, source="airflow", group="bi"))
    assert verdict.is_kill
    assert verdict.before == verdict.after.place == group("bi")


def test_names_are_completed_from_the_sessions_headers() -> None:
    rules = "name: lake\nwhen: {catalogs: lake}\nthen: {group: lake}\n"
    judge = Judge(terms(rules))
    bare = statement(sql="SELECT * FROM t")
    assert not judge.judge(bare).is_understood
    known = statement(sql="SELECT * FROM t", headers={"x-trino-catalog": ("lake",), "x-trino-schema": ("s",)})
    assert judge.judge(known).after.place == group("lake")
    assert judge.judge(bare).after.place == group("adhoc"), "what is remembered is remembered with the session"


def test_a_long_statement_is_not_analysed_as_in_the_gateway() -> None:
    rules = "name: lake\nwhen: {catalogs: lake}\nthen: {group: lake}\n"
    long = statement(sql=f"SELECT * FROM lake.s.t -- {'x' * 20_000}")
    assert not Judge(terms(rules, max_body_size=1000)).judge(long).is_understood
    assert Judge(terms(rules, max_body_size=100_000)).judge(long).after.place == group("lake")


def test_a_statement_in_json_is_read_where_clients_send_it() -> None:
    rules = "name: lake\nwhen: {catalogs: lake}\nthen: {group: lake}\n"
    body = '{"query": "SELECT * FROM lake.s.t", "preparedStatements": {}}'
    assert Judge(terms(rules, v2=True)).judge(statement(sql=body)).after.place == group("lake")


def test_the_user_may_stand_in_a_header() -> None:
    rules = "name: ann\nwhen: {user: ann}\nthen: {group: etl}\n"
    assert Judge(terms(rules)).judge(statement(headers={"x-trino-user": ("ann",)})).after.place == group("etl")


def test_a_header_of_the_statement_wins_over_its_source() -> None:
    given = statement(source="airflow", headers={"x-trino-source": ("dbt",)})
    assert Judge(terms()).judge(given).after.place == group("adhoc")


def test_chance_is_the_same_in_each_replay() -> None:
    one, again, other = Chance("q1"), Chance("q1"), Chance("q2")
    assert [one(), one()] == [again(), again()]
    assert one() != other()


def test_rules_that_cannot_be_read_are_refused() -> None:
    with pytest.raises(SettingsError):
        Judge(terms("name: x\nwhen: {colour: blue}\nthen: {group: a}\n"))
