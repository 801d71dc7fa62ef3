from collections.abc import Iterable
from urllib.parse import quote_plus

import orjson
import pytest

from tests.protocol.sql.statements import Q, tables
from warren.facts import QueryProperties
from warren.protocol.sql.statement import FRONT, may_kill, statement_properties

HEADERS = [(b"x-trino-catalog", b"Cat"), (b"x-trino-schema", b"Schem")]


def known(
    body: bytes,
    headers: Iterable[tuple[bytes, bytes]] = HEADERS,
    *,
    max_body_size: int = 1000,
    v2: bool = False,
    is_whole: bool = True,
) -> QueryProperties:
    fields: dict[bytes, list[bytes]] = {}
    for name, value in headers:
        fields.setdefault(name, []).append(value)
    work = statement_properties(body, fields, max_body_size=max_body_size, v2=v2, is_whole=is_whole)
    while True:
        try:
            next(work)
        except StopIteration as done:
            properties = done.value
            assert isinstance(properties, QueryProperties)
            assert properties.is_new_query_submission
            return properties


def test_the_sessions_defaults_come_from_the_headers() -> None:
    properties = known(b"SELECT * FROM Foo")
    assert (properties.default_catalog, properties.default_schema) == ("Cat", "Schem")
    assert tables(properties) == "cat.schem.foo"
    assert properties.body == "SELECT * FROM Foo"


@pytest.mark.parametrize("headers", [[], [(b"x-trino-catalog", b" "), (b"x-trino-schema", b"")]])
def test_absent_and_blank_headers_are_no_defaults(headers: list[tuple[bytes, bytes]]) -> None:
    properties = known(b"SELECT 1", headers)
    assert (properties.default_catalog, properties.default_schema) == (None, None)


@pytest.mark.parametrize(
    "content_type",
    [
        b"",
        b"text/plain",
        b"application/json",
        b"text/plain; charset=utf-8",
        b'text/plain;charset="UTF-8"',
        b"text/plain; boundary=x; Charset = Utf8",
        b"text/plain; charset='utf_8'; x=y",
        b"text/plain; charset=",
        b"charset=latin1",
        b"\xff",
    ],
)
def test_a_statement_is_utf_8_unless_it_says_otherwise(content_type: bytes) -> None:
    properties = known("SELECT 'ü' FROM t".encode(), [*HEADERS, (b"content-type", content_type)])
    assert properties.is_query_parsing_successful
    assert properties.body == "SELECT 'ü' FROM t"


@pytest.mark.parametrize("charset", [b"ISO-8859-1", b'"utf-16"', b"us-ascii", b"x" * 9999])
def test_other_charsets_are_not_read(charset: bytes) -> None:
    properties = known(b"SELECT * FROM t", [*HEADERS, (b"content-type", b"text/plain; charset=" + charset)])
    assert (properties.body, properties.query_type) == ("", "")
    assert not properties.is_query_parsing_successful
    assert properties.error_message is not None
    assert charset.decode().strip('"')[:64] in properties.error_message
    assert len(properties.error_message) < 200
    assert properties.default_catalog == "Cat"


def test_bytes_that_are_no_utf_8_do_not_matter_in_a_literal() -> None:
    properties = known(b"SELECT '\xff\xfe' FROM t")
    assert tables(properties) == "cat.schem.t"
    assert properties.body == "SELECT '��' FROM t"


@pytest.mark.parametrize(
    ("body", "is_whole", "fits"),
    [
        (b"SELECT '123'", True, True),
        ("SELECT 'üüü'".encode(), True, True),
        (b"SELECT '1234'", True, False),
        (b"x" * 1_000_000, True, False),
        (b"x" * 1_000_000, False, False),
    ],
)
def test_what_is_longer_than_the_limit_is_not_analysed(body: bytes, is_whole: bool, fits: bool) -> None:
    properties = known(body, max_body_size=12, is_whole=is_whole)
    assert properties.is_query_parsing_successful == fits
    assert bool(properties.body) == fits
    if not fits:
        assert properties.error_message == "the statement is not analysed: it is longer than 12 characters"


def test_what_is_not_kept_whole_is_not_analysed() -> None:
    properties = known(b"SELECT '123'", max_body_size=12, is_whole=False)
    assert (properties.is_query_parsing_successful, properties.body) == (False, "")
    why = "the statement is not analysed: only its first 12 bytes are kept"
    assert properties.error_message == why


def test_an_execute_is_known_by_the_statement_in_the_header() -> None:
    values = [b"statement1=SELECT+1", b"statement2=SELECT+2,statement3=SELECT+3"]
    values.append(b"statement4=" + quote_plus("SELECT c1,\n c2\n FROM foo").encode())
    headers = [*HEADERS, *((b"x-trino-prepared-statement", value) for value in values)]
    properties = known(b"EXECUTE statement4", headers)
    assert (properties.query_type, tables(properties)) == ("Query", "cat.schem.foo")
    assert properties.body == "SELECT c1,\n c2\n FROM foo"


def test_a_broken_header_is_told_only_when_it_is_needed() -> None:
    headers = [*HEADERS, (b"x-trino-prepared-statement", b"nonsense")]
    assert known(b"SELECT 1", headers).is_query_parsing_successful
    broken = known(b"EXECUTE p", headers)
    assert not broken.is_query_parsing_successful
    assert "X-Trino-Prepared-Statement" in (broken.error_message or "")


def v2(**content: object) -> bytes:
    return orjson.dumps(content)


def test_the_v2_format_is_unwrapped_when_it_is_switched_on() -> None:
    body = v2(preparedStatements={"statement1": "INSERT INTO foo SELECT '%41'", "other": 1}, query="EXECUTE statement1")
    properties = known(body, v2=True)
    assert (properties.query_type, properties.body) == ("Insert", "INSERT INTO foo SELECT '%41'")
    assert not known(body, v2=False).is_query_parsing_successful


@pytest.mark.parametrize(
    "body",
    [b"SELECT 1", b" SELECT 1", b"(SELECT 1)"],
)
def test_plain_sql_is_taken_also_where_v2_is_switched_on(body: bytes) -> None:
    assert known(body, v2=True).query_type == "Query"


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        v2(query="SELECT 1"),
        v2(query=1, preparedStatements={}),
        v2(query="SELECT 1", preparedStatements=[]),
        b"{}" * 9999,
    ],
)
def test_json_of_another_shape_is_plain_sql_and_so_an_error(body: bytes) -> None:
    assert not known(body, v2=True, max_body_size=100_000).is_query_parsing_successful


@pytest.mark.parametrize(
    "front",
    [
        f"CALL system.runtime.kill_query('{Q}')",
        "call\tx",
        "  \r\n-- x\n/* y */ Execute p",
        "EXECUTE IMMEDIATE 'x'",
        "CALL",
        "CAL",
        "",
        "-- CALL",
        "/* CALL",
        "-",
        "/",
        "-- " + "x" * FRONT,
        " " * FRONT + "SELECT 1",
        ' {"query": "CALL x"}',
    ],
)
def test_what_may_kill(front: str) -> None:
    assert may_kill(front.encode())


@pytest.mark.parametrize(
    "front",
    [
        "SELECT kill_query",
        "callx y",
        "call_ y",
        "-- CALL\nSELECT 1",
        "/* CALL x */ WITH a",
        "(CALL x)",
        "'CALL'",
        "- CALL",
        "\xff",
    ],
)
def test_what_certainly_kills_nothing(front: str) -> None:
    assert not may_kill(front.encode())
