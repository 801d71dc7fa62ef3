from bench.figures import Key
from bench.steering import EVERYDAY, RULES, long_statement, measure_steering, rules
from bench.traffic import SQL
from warren.facts import Facts, RequestFacts
from warren.protocol.sql.analysis import analyse


def test_the_rules_are_as_many_as_the_figure_says_and_look_at_statements() -> None:
    assert len(rules().rules) == RULES
    assert rules().needs_query


def test_none_of_them_applies_to_what_the_bench_sends() -> None:
    facts = Facts(request=RequestFacts(headers={"x-trino-user": ["alice"]}), query=analyse(SQL))
    assert rules().decide(facts, lambda: 0.5).group is None


def test_the_statements_are_understood() -> None:
    for text in (EVERYDAY, long_statement(10_000)):
        assert analyse(text).is_query_parsing_successful


def test_every_figure_is_measured() -> None:
    found = measure_steering()
    assert found.keys() == {Key.RULES, Key.ANALYSIS, Key.ANALYSIS_SPEED}
    assert all(pair.warren > 0 for pairs in found.values() for pair in pairs)
