from base64 import urlsafe_b64encode
from urllib.parse import quote, quote_plus

import pytest
import zstandard

from warren.protocol.sql.prepared import MOST, PreparedStatements, Unreadable

SQL = "SELECT c1, c2\nFROM foo WHERE a LIKE '100%+1' AND b = 'ü,='"
LARGEST = 1000


def compressed(sql: str, *, says_its_size: bool = True) -> str:
    compressor = zstandard.ZstdCompressor(write_content_size=says_its_size)
    return "$zstd:" + urlsafe_b64encode(compressor.compress(sql.encode())).decode()


def found(name: str, *lines: str) -> str | None:
    return PreparedStatements([line.encode() for line in lines], largest=LARGEST)(name)


@pytest.mark.parametrize(
    "value",
    [
        quote_plus(SQL),
        quote(SQL, safe=""),
        quote_plus(compressed(SQL)),
        quote_plus(compressed(SQL, says_its_size=False)),
        compressed(SQL),
        compressed(SQL).rstrip("="),
    ],
)
def test_a_value_is_decoded_as_trino_does(value: str) -> None:
    assert found("p", f"p={value}") == SQL


def test_statements_stand_in_all_lines_of_the_header() -> None:
    lines = ("a=1,b=2", " c = 3 ,, d=4", "", quote_plus("e é") + "=5", "f=")
    assert [found(name, *lines) for name in ("a", "b", "c", "d", "e é", "f", "g")] == [
        "1",
        "2",
        "3",
        "4",
        "5",
        "",
        None,
    ]
    assert found("a") is None


def test_what_looks_encoded_in_the_sql_stays() -> None:
    sql = "SELECT '%41+b'"
    assert found("p", f"p={quote_plus(compressed(sql))}") == sql


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("p", "not of the form name=value"),
        ("p=1,x", "not of the form name=value"),
        ("p=$zstd:!!!", "p cannot be decompressed"),
        ("p=$zstd:AAAA", "p cannot be decompressed"),
        ("p=$zstd:ä", "p cannot be decompressed"),
        ("p=$zstd:", "p cannot be decompressed"),
        (f"p={compressed(SQL)[:40]}", "p cannot be decompressed"),
        (f"p={'x' * (LARGEST + 1)}", "p is longer than 1,000 characters"),
        (f"p={compressed('x' * (LARGEST + 1))}", "p is longer than 1,000 characters"),
        (f"p={compressed('x' * 50_000_000)}", "p is longer than 1,000 characters"),
        (f"p={compressed('x' * 50_000_000, says_its_size=False)}", "p cannot be decompressed"),
        ("a=1," * (MOST + 1), "more than 10,000 prepared statements"),
    ],
)
def test_what_breaks_the_rules_is_unreadable(line: str, sentence: str) -> None:
    with pytest.raises(Unreadable, match=sentence):
        found("p", line)


def test_only_the_statement_that_is_asked_for_is_decompressed() -> None:
    assert found("p", "q=$zstd:!!!,p=SELECT+1") == "SELECT 1"


def test_a_frame_that_claims_to_be_huge_costs_nothing() -> None:
    # A frame's header: magic number, eight bytes of content size, and the size.
    claim = bytes.fromhex("28b52ffd") + b"\xe0" + (2**60).to_bytes(8, "little")
    value = urlsafe_b64encode(claim).decode()
    with pytest.raises(Unreadable, match="longer than"):
        found("p", f"p=$zstd:{value}")
