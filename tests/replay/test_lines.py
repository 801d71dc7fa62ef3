import io
import json
from typing import Any

import pytest

from tests.replay.made import NOON, statement
from warren.replay import lines
from warren.replay.lines import BadLine, FromLines, line_of, milliseconds, statement_of, writing_to
from warren.replay.period import Period
from warren.replay.statement import Statement


def read(text: str | bytes, period: Period | None = None) -> FromLines:
    content = text.encode() if isinstance(text, str) else text
    return FromLines(io.BytesIO(content), len(content), period or Period(), NOON)


def one(**keys: Any) -> Statement:
    return statement_of(json.dumps({"sql": "SELECT 1", **keys}).encode(), number=7, now=NOON)


def test_all_that_a_line_may_say() -> None:
    assert one(
        user="ann",
        source="dbt",
        headers={"X-Trino-Client-Tags": "a,b", "X-Two": ["1", "2"]},
        time="2026-11-01T13:00:00+01:00",
        group="etl",
        cluster="blue",
        clientAddress="10.0.0.1",
        id="q",
        wallSeconds=1.5,
    ) == Statement(
        name="q",
        sql="SELECT 1",
        when=NOON,
        user="ann",
        source="dbt",
        group="etl",
        cluster="blue",
        headers={"x-trino-client-tags": ("a,b",), "x-two": ("1", "2")},
        client_address="10.0.0.1",
        wall_seconds=1.5,
    )


def test_only_the_text_must_be_there() -> None:
    assert one() == Statement(name="line 7", sql="SELECT 1", when=NOON, is_timed=False)
    assert one(user=None, headers={}, time=None) == one()


@pytest.mark.parametrize("time", [NOON, float(NOON), "2026-11-01T12:00:00Z", "2026-11-01T12:00:00", "20261101T12"])
def test_a_time_in_any_form(time: object) -> None:
    assert one(time=time).when == NOON


def test_a_date_is_its_beginning_in_utc() -> None:
    assert milliseconds("2026-11-01") == NOON - 12 * 3_600_000


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("nonsense", "not JSON: "),
        ("[1]", "write an object"),
        ("{}", "sql: write the statement's text"),
        ('{"sql": ""}', "sql: write"),
        ('{"sql": 1}', "sql: write a text"),
        ('{"sql": "x", "usr": "ann"}', "usr: nothing is known by that name; known are sql, user"),
        ('{"sql": "x", "a\\u001b[1mb": 1}', "a?[1mb: nothing is known"),
        ('{"sql": "x", "user": ["ann"]}', "user: write a text"),
        ('{"sql": "x", "time": "yesterday"}', "time: write an ISO time"),
        ('{"sql": "x", "time": true}', "time: write"),
        ('{"sql": "x", "time": -1}', "time: write"),
        ('{"sql": "x", "time": 1e15}', "time: write"),
        ('{"sql": "x", "headers": "x"}', "headers: write names"),
        ('{"sql": "x", "headers": {"a b": "c"}}', "headers: a b: write"),
        ('{"sql": "x", "headers": {"a": 5}}', "headers: a: write"),
        ('{"sql": "x", "wallSeconds": "5"}', "wallSeconds: write a number"),
        ('{"sql": "x", "wallSeconds": -5}', "wallSeconds: write a number"),
    ],
)
def test_a_bad_line_says_what_to_write(line: str, said: str) -> None:
    with pytest.raises(BadLine) as bad:
        statement_of(line.encode(), number=1, now=NOON)
    assert str(bad.value).startswith(said)


def test_a_bad_line_does_not_end_it_and_the_first_ten_are_kept() -> None:
    source = read('{"sql": "a"}\n' + "?\n" * 12 + '\n  \n{"sql": "b"}')
    assert [each.sql for chunk in source for each in chunk] == ["a", "b"]
    assert source.bad == 12
    assert [each.partition(":")[0] for each in source.first_bad] == [f"line {number}" for number in range(2, 12)]
    assert source.share == 1.0


def test_a_line_that_is_too_long_is_one_bad_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "LONGEST_LINE", 40)
    source = read('{"sql": "' + "x" * 200 + '"}\n{"sql": "b"}\n')
    assert [[each.name for each in chunk] for chunk in source] == [["line 2"]]
    assert source.bad == 1


def test_bytes_that_are_no_text_are_a_bad_line() -> None:
    source = read(b'{"sql": "\xff"}\n{"sql": "b"}\n')
    assert [each.sql for chunk in source for each in chunk] == ["b"]
    assert source.bad == 1


def test_a_mark_of_the_byte_order_is_no_trouble() -> None:
    assert [each.sql for chunk in read(b'\xef\xbb\xbf{"sql": "a"}\n') for each in chunk] == ["a"]


def test_chunks_are_of_a_size() -> None:
    assert [len(chunk) for chunk in read('{"sql": "a"}\n' * 600)] == [250, 250, 100]


def test_the_period_counts() -> None:
    source = read("".join(f'{{"sql": "a", "time": {time}}}\n' for time in (1, 2, 3)), Period(2, 3))
    assert [each.when for chunk in source for each in chunk] == [2]


def test_what_the_statements_have_is_noted() -> None:
    source = read('{"sql": "a", "headers": {"X-A": "1"}}\n{"sql": "a", "clientAddress": "::1", "time": 5}\n')
    list(source)
    assert (source.headers, source.has_addresses) == ({"x-a"}, True)


def test_what_is_written_can_be_read() -> None:
    given = statement("q1", 'SELECT "ä"\n', user="ann", source="dbt", cluster="blue", when=NOON + 5)
    assert statement_of(line_of(given), number=1, now=0) == given
    file = io.BytesIO()
    writing_to(file)([given, given])
    assert file.getvalue().count(b"\n") == 2
