"""A line gives back the entry that it was made of, and nothing else passes for one."""

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.history.rows import correction, record
from warren.history.disk.lines import LONGEST_LINE, entry_of, line_of
from warren.history.record import LONGEST_TEXT, Record, cleaned


@pytest.mark.parametrize(
    "entry",
    [record(1), record(2, user_name="", query_text="SELECT\n'ü🦌\u2028\t\x01'"), correction(1)],
    ids=["record", "strange", "correction"],
)
def test_a_line_gives_back_its_entry(entry: Record) -> None:
    line = line_of(entry)
    assert line.count(b"\n") == 1
    assert entry_of(line) == entry


@given(text=st.text(), user=st.text(), created=st.integers(0, 2**62))
def test_whatever_a_client_writes_comes_back_clean(text: str, user: str, created: int) -> None:
    entry = record(1, query_text=text, user_name=user, created=created)
    assert entry_of(line_of(entry)) == cleaned(entry)


def test_what_stands_beside_the_entry_is_for_people() -> None:
    assert b'"because":"it is refused"' in line_of(record(1), because="it is refused")
    assert entry_of(line_of(record(1), because="it is refused")) == record(1)


def test_the_longest_statement_makes_a_line_that_can_be_read() -> None:
    assert len(line_of(record(1, query_text="\x01" * LONGEST_TEXT))) < LONGEST_LINE


@given(st.data())
def test_a_line_cut_or_changed_anywhere_is_none(data: st.DataObject) -> None:
    line = line_of(record(1))
    at = data.draw(st.integers(0, len(line) - 2))
    with pytest.raises(ValueError):
        entry_of(line[:at])
    changed = bytearray(line)
    changed[at] ^= data.draw(st.integers(1, 255))
    with pytest.raises(ValueError):
        entry_of(bytes(changed))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b'{"record": 7}',
        b'{"record": {"query_id": "q"}}',
        line_of(record(1))[9:].replace(b'"created":1776355376001', b'"created":"1776355376001"'),
        line_of(record(1))[9:].replace(b'"created":1776355376001', b'"created":true'),
        line_of(record(1))[9:].replace(b'"source":"trino-cli"', b'"source":null'),
        line_of(record(1))[9:].replace(b'"source"', b'"sauce"'),
        b'{"record":' * 2000,
    ],
)
def test_a_good_checksum_makes_no_entry_of_anything_else(content: bytes) -> None:
    content = content.rstrip(b"\n")
    with pytest.raises(ValueError):
        entry_of(b"%08x %b\n" % (zlib.crc32(content), content))
