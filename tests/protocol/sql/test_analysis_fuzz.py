"""Any text has an answer, in linear time and small slices, whoever wrote it."""

from collections.abc import Callable, Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.protocol.sql.statements import EVERY_CLASS, names_nothing
from warren.facts import QueryProperties
from warren.protocol.sql import analysis, walk
from warren.protocol.sql.analysis import analyse, analysing

NORMAL = settings(
    derandomize=True, max_examples=500, deadline=None, database=None, suppress_health_check=list(HealthCheck)
)
LONG = settings(max_examples=50_000, deadline=None, database=None, suppress_health_check=list(HealthCheck))

_TOKENS = (
    "SELECT FROM WITH RECURSIVE AS TABLE JOIN ON WHERE UNION INSERT INTO UPDATE SET DELETE MERGE USING WHEN CREATE ALTER DROP VIEW"
    " SCHEMA CALL EXPLAIN ANALYZE EXECUTE IMMEDIATE PREPARE DISTINCT LATERAL UNNEST WINDOW FUNCTION RETURNS BEGIN END IF EXISTS NOT"
    " GRANT REVOKE SHOW COLUMNS IN BRANCH RENAME TO VALUES a b.c system.runtime.kill_query query_id ( ( ( ) ) ) , , . ; [ ] => -> ="
    " * 1 1.5 'x' '' 'SELECT(1' \"q\" U&'\\0041' /* */ /*x*/ --y\n $$ { } ? @ : ` ä ' \" \\ # $"
)
TOKENS = _TOKENS.split(" ")
SOUP = st.lists(st.sampled_from(TOKENS), max_size=60).map(" ".join)
DAMAGED = st.builds(
    lambda text, start, end, middle: text[:start] + middle + text[end:],
    st.sampled_from([case[0] for case in EVERY_CLASS]),
    st.integers(0, 120),
    st.integers(0, 120),
    st.sampled_from(TOKENS),
)
TEXTS = st.one_of(st.text(max_size=200), SOUP, DAMAGED)


def holds(text: str) -> None:
    properties = analyse(text, catalog="dc", schema=None, prepared={"a": text, "q": "SELECT 1"}.get)
    assert isinstance(properties, QueryProperties)
    assert properties.is_new_query_submission
    assert properties.is_query_parsing_successful == (properties.error_message is None)
    if properties.error_message:
        assert names_nothing(properties)
    else:
        assert properties.query_type
    assert {catalog for catalog, _, _ in properties.tables} <= properties.catalogs


@NORMAL
@given(TEXTS)
def test_any_text_has_an_answer(text: str) -> None:
    holds(text)


@pytest.mark.soak
@pytest.mark.timeout(1200)
@LONG
@given(TEXTS)
def test_any_text_has_an_answer_in_the_long_run(text: str) -> None:
    holds(text)


HOSTILE: dict[str, Callable[[int], str]] = {
    "parentheses": lambda n: "SELECT " + "(" * n + "1" + ")" * n,
    "open parentheses": lambda n: "SELECT " + "(" * n,
    "leading parentheses": lambda n: "(" * n + "SELECT 1" + ")" * n,
    "brackets": lambda n: "SELECT " + "ARRAY[" * n + "1" + "]" * n,
    "relations": lambda n: "SELECT * FROM " + "(" * n + "t" + ")" * n,
    "subqueries": lambda n: "SELECT * FROM " + "(SELECT * FROM " * n + "t" + ")" * n,
    "not": lambda n: "SELECT " + "NOT " * n + "true",
    "cases": lambda n: "SELECT " + "CASE WHEN x THEN " * n + "1" + " END" * n,
    "minus": lambda n: "SELECT " + "- " * n + "1",
    "joins": lambda n: "SELECT * FROM t" + " JOIN t" * n,
    "relations of many names": lambda n: "SELECT * FROM " + ",".join(f"t{i}" for i in range(n)),
    "names in a with": lambda n: "WITH " + ",".join(f"c{i} AS (TABLE c{i - 1})" for i in range(n)) + " TABLE c0",
    "with in with": lambda n: "WITH a AS (" * n + "SELECT 1" + ") SELECT * FROM a" * n,
    "with of one name": lambda n: "WITH a AS (TABLE a)" + ", a AS (TABLE a)" * n + " TABLE a",
    "columns": lambda n: "WITH a (" + "x, " * n + "x) AS (SELECT 1) TABLE a",
    "explains": lambda n: "EXPLAIN " * n + "SELECT 1",
    "prepares": lambda n: "PREPARE p FROM " * n + "SELECT 1",
    "groups that are none": lambda n: "SELECT " + "(1, 2, 3, 4, 5, 6, 7, 8, 9, (" * n,
    "unterminated comment": lambda n: "SELECT 1 " + "/*" * n,
    "unterminated literal": lambda n: "SELECT " + "'a" * (2 * n + 1),
    "unterminated name": lambda n: "SELECT " + '"a' * (2 * n + 1),
    "comments": lambda n: "SELECT * FROM " + "/**/" * n + "t",
    "line comments": lambda n: "--\n" * n + "SELECT 1",
    "distinct": lambda n: "SELECT " + "DISTINCT /* */ " * n + "a FROM t",
    "windows": lambda n: "SELECT * FROM t " + "window " * n,
    "tables": lambda n: "SELECT f(" + "TABLE(" * n + "t" + ")" * n + ")",
    "withs": lambda n: "SELECT 1 WHERE " + "(WITH x " * n,
    "parts of a name": lambda n: "SELECT * FROM " + "a." * n + "a",
    "parts of a field": lambda n: "SELECT " + "a." * n + "a FROM t",
    "arguments": lambda n: "CALL system.runtime.kill_query(" + "x, " * n + "x)",
    "privileges": lambda n: "GRANT " + "a, " * n + "a TO b",
    "statements": lambda n: "SELECT 1; " * n,
    "escapes": lambda n: "EXECUTE IMMEDIATE U&'SELECT 1" + "\\0020" * n + "'",
    "rows": lambda n: "INSERT INTO t VALUES " + ",".join(["(1, 'name', 1.5, DATE '2026-01-01')"] * n),
    "a long literal": lambda n: f"SELECT '{'x' * n}' FROM t",
    "semicolons in a function": lambda n: "CREATE FUNCTION f() RETURNS int BEGIN " + "SET a = 1; " * n + "END",
}


@pytest.mark.parametrize("hostile", HOSTILE.values(), ids=HOSTILE)
def test_hostile_texts_have_an_answer(hostile: Callable[[int], str]) -> None:
    holds(hostile(20_000))


class Counting(walk.Walk):
    """Counts the steps of all walks, and how far each went."""

    steps_taken: int = 0
    passed_over: int = 0

    def _step(self) -> None:
        before = self._cursor.position
        super()._step()
        Counting.steps_taken += 1
        Counting.passed_over += self._cursor.position - before


@pytest.mark.parametrize("hostile", HOSTILE.values(), ids=HOSTILE)
def test_work_grows_as_the_text_does(hostile: Callable[[int], str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("warren.protocol.sql.analysis.Walk", Counting)
    counts = []
    for n in (500, 5000):
        text = hostile(n)
        Counting.steps_taken = Counting.passed_over = 0
        analyse(text, catalog="dc", schema="ds")
        counts.append(Counting.steps_taken)
        assert Counting.steps_taken <= len(text)
        assert Counting.passed_over <= len(text)
    few, many = counts
    assert many <= 11 * few + 10


@pytest.mark.parametrize("hostile", HOSTILE.values(), ids=HOSTILE)
def test_no_slice_is_longer_than_its_bound(hostile: Callable[[int], str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("warren.protocol.sql.analysis.Walk", Counting)
    Counting.steps_taken = 0
    longest = before = 0
    for _ in analysing(hostile(20_000), catalog="dc", schema="ds"):
        longest = max(longest, Counting.steps_taken - before)
        before = Counting.steps_taken
    longest = max(longest, Counting.steps_taken - before)
    assert longest <= walk.SLICE // walk.STEP + 1


@pytest.mark.parametrize("text", [*(case[0] for case in EVERY_CLASS), *(hostile(50) for hostile in HOSTILE.values())])
def test_slices_see_what_the_whole_sees(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = analyse(text, catalog="dc", schema="ds")
    monkeypatch.setattr(walk, "SLICE", 1)
    monkeypatch.setattr(analysis, "UNWRAPPED", 1)
    outcome = []

    def driven() -> Iterator[None]:
        outcome.append((yield from analysing(text, catalog="dc", schema="ds")))

    for _ in driven():
        pass
    assert outcome == [whole]


def test_long_work_is_cut_into_slices() -> None:
    assert sum(1 for _ in analysing(HOSTILE["rows"](20_000))) > 10
    assert sum(1 for _ in analysing(HOSTILE["explains"](20_000))) > 10
