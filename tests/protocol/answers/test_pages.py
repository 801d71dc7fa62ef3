import gzip

import pytest

from warren.protocol.answers.pages import LOOK_NO_FURTHER, query_id

PAGE = (
    b'{"id":"20261122_111727_00001_7q5ke","infoUri":"http://gw/ui/query.html?20261122_111727_00001_7q5ke","stats":{}}'
)
Q = "20261122_111727_00001_7q5ke"


def test_the_id_stands_at_the_front_of_a_page() -> None:
    assert query_id(PAGE) == Q


def test_pages_written_with_blanks_or_in_another_order_are_read_too() -> None:
    assert query_id(b'\r\n { "infoUri" : "http://gw/x", "id" :\n "20261122_111727_00001_7q5ke" }') == Q


def test_the_id_is_none_until_its_last_byte_has_come() -> None:
    until = PAGE.index(b'",') + 1
    for length in range(until):
        assert query_id(PAGE[:length]) is None
    assert query_id(PAGE[:until]) == Q


@pytest.mark.parametrize(
    "front",
    [
        b"Error 404 Not Found: Query not found",
        b'<html>"id":"20261122_111727_00001_7q5ke"',
        b'[{"id":"20261122_111727_00001_7q5ke"}]',
        b'"id":"20261122_111727_00001_7q5ke"',
        gzip.compress(PAGE),
        b"\x00\xff",
    ],
)
def test_what_is_no_page_has_no_id(front: bytes) -> None:
    assert query_id(front) is None


@pytest.mark.parametrize(
    "front",
    [
        b'{"error":{"message":"no key \\"id\\":\\"20261122_111727_00001_7q5ke\\" here"}',
        b'{"id":"not-an-id"}',
        b'{"id":20261122}',
        b'{"query_id":"20261122_111727_00001_7q5ke"}',
        b'{"id":"20261122_111727_00001_' + b"a" * 100 + b'"}',
    ],
)
def test_text_that_only_looks_like_an_id_is_none(front: bytes) -> None:
    assert query_id(front) is None


def test_the_search_ends_after_a_few_kilobytes() -> None:
    late = b'{"columns":[' + b" " * LOOK_NO_FURTHER + b'],"id":"20261122_111727_00001_7q5ke"}'
    assert query_id(late) is None
    assert query_id(b" " * LOOK_NO_FURTHER + PAGE) is None
