"""What our reading of SQL says, held against what Trino's own parser says of the same statements.

Needs a JDK and Maven, and skips with the reason where they are missing. A difference that is meant stands in
sql_oracle/differences.py.
"""

from collections.abc import Iterator, Mapping
from pprint import pformat

import pytest

from tests.fixtures.trino_distribution import Missing
from tests.protocol.sql_oracle import corpus
from tests.protocol.sql_oracle.comparison import (
    Differences,
    differences,
    disagreements,
    in_each_session,
    in_some_session,
)
from tests.protocol.sql_oracle.differences import KNOWN, is_meant
from tests.protocol.sql_oracle.generate import generated
from tests.protocol.sql_oracle.mutate import mutated
from tests.protocol.sql_oracle.oracle import Oracle, Question
from warren.protocol.sql.analysis import analyse
from warren.protocol.sql.kinds import RESOURCE_GROUP_TYPES

pytestmark = pytest.mark.slow

GENERATED = 1500
MUTATED = 6000
SOAKING_ROUNDS = 10
"""Each of another seed and five times as many: about ten minutes."""
SHOWN = 10

WRAPPINGS = (
    "EXPLAIN {}",
    "EXPLAIN (TYPE VALIDATE) {}",
    "EXPLAIN ANALYZE {}",
    "EXPLAIN ANALYZE VERBOSE {}",
    "PREPARE p FROM {}",
    "-- first\n{} -- last",
    "EXPLAIN EXPLAIN ANALYZE {}",
)


@pytest.fixture(scope="module")
def oracle() -> Iterator[Oracle]:
    try:
        asked = Oracle()
    except Missing as missing:
        pytest.skip(str(missing))
    with asked:
        yield asked


def known(found: Mapping[Question, Differences]) -> dict[str, set[str]]:
    """Of the differences that are meant, what was seen to differ, by statement."""
    seen: dict[str, set[str]] = {}
    for question, differing in found.items():
        for entry in KNOWN:
            if entry.statement == question.sql:
                seen.setdefault(question.sql, set()).update(differing)
    return seen


def unknown(found: Mapping[Question, Differences]) -> str:
    """The differences that are not meant, for people to read: ours first, then Trino's. Empty when there are none."""
    told = [(question, differing) for question, differing in found.items() if not is_meant(question.sql)]
    shown = [f"{question.sql}\n{pformat(dict(differing), width=160)}" for question, differing in told[:SHOWN]]
    return "\n\n".join([*shown, f"{len(told)} in all"]) if told else ""


def test_the_corpus_is_read_as_trino_reads_it(oracle: Oracle) -> None:
    found = disagreements(oracle, in_each_session(corpus.corpus()))

    assert unknown(found) == ""
    meant = {entry.statement: set(entry.differs) for entry in KNOWN}
    assert known(found) == meant, "differences.py tells of what does not differ, or not so"


def test_the_corpus_is_wrapped_as_trino_wraps_it(oracle: Oracle) -> None:
    wrapped = [wrapping.format(sql) for wrapping in WRAPPINGS for sql in corpus.corpus()]
    executed = ["EXECUTE IMMEDIATE '" + sql.replace("'", "''") + "'" for sql in corpus.corpus()]

    assert unknown(disagreements(oracle, in_some_session([*wrapped, *executed]))) == ""


def test_a_prepared_statement_is_read_as_its_own_text_is(oracle: Oracle) -> None:
    questions = in_some_session([sql for sql in corpus.corpus() if "EXECUTE" not in sql.upper()])
    prepared = {question.sql: str(number) for number, question in enumerate(questions)}
    by_name = {name: sql for sql, name in prepared.items()}
    found = {}
    for question, answer in zip(questions, oracle.ask(questions), strict=True):
        executing = f"EXECUTE \"{prepared[question.sql]}\" USING 1, 'from x'"
        ours = analyse(executing, catalog=question.catalog, schema=question.schema, prepared=by_name.get)
        if differing := differences(ours, answer):
            found[question] = differing

    assert unknown(found) == ""


def test_generated_statements_are_read_as_trino_reads_them(oracle: Oracle) -> None:
    assert unknown(disagreements(oracle, in_some_session(generated(1, GENERATED)))) == ""


def test_statements_with_accidents_are_read_as_trino_reads_them_if_it_does(oracle: Oracle) -> None:
    assert unknown(disagreements(oracle, in_some_session(mutated(1, MUTATED, well_known())))) == ""


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_many_more_statements_are_read_as_trino_reads_them(oracle: Oracle) -> None:
    for seed in range(2, 2 + SOAKING_ROUNDS):
        made = generated(seed, 5 * GENERATED)
        sources = [*well_known(), *made[:GENERATED]]
        assert unknown(disagreements(oracle, in_some_session(made))) == "", f"seed {seed}"
        assert unknown(disagreements(oracle, in_some_session(mutated(seed, 5 * MUTATED, sources)))) == "", (
            f"seed {seed}"
        )


def well_known() -> list[str]:
    """The corpus without what differs on purpose: with accidents it would still differ, and nobody could tell."""
    return [sql for sql in corpus.corpus() if not is_meant(sql)]


def test_the_corpus_is_what_it_says(oracle: Oracle) -> None:
    refused = set(corpus.statements(corpus.REFUSED))
    taken = [sql for theme in corpus.themes() if theme != corpus.REFUSED for sql in corpus.statements(theme)]
    answers = oracle.ask(in_some_session([*refused, *taken]))

    told = dict(zip([*refused, *taken], answers, strict=True))
    assert {sql for sql, answer in told.items() if answer.error is not None} == refused


def test_the_corpus_has_a_statement_of_each_class_that_we_know(oracle: Oracle) -> None:
    seen = {answer.query_type for answer in oracle.ask(in_each_session(corpus.corpus()))}

    assert set(RESOURCE_GROUP_TYPES) | {"ExplainAnalyze"} <= seen, "does Trino have these classes at all?"


def test_the_same_seed_makes_the_same_statements() -> None:
    assert generated(3, 20) == generated(3, 20)
    assert generated(3, 20) != generated(4, 20)
    assert mutated(3, 20, corpus.ODD) == mutated(3, 20, corpus.ODD)
