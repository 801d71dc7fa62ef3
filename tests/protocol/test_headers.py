from base64 import b64encode
from collections.abc import Iterable

import pytest

from warren.protocol.headers import LONGEST_SHOWN, USER, first, routing_group, source, user


def named(pairs: Iterable[tuple[bytes, bytes]]) -> dict[bytes, list[bytes]]:
    fields: dict[bytes, list[bytes]] = {}
    for name, value in pairs:
        fields.setdefault(name.lower(), []).append(value)
    return fields


def basic(credentials: bytes) -> tuple[bytes, bytes]:
    return b"authorization", b"Basic " + b64encode(credentials)


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ([], ""),
        ([(b"X-Trino-User", b"alice")], "alice"),
        ([(b"x-trino-USER", b" alice ")], "alice"),
        ([(b"X-Trino-User", b"alice"), (b"X-Trino-User", b"bob")], "alice"),
        ([basic(b"bob:secret"), (b"X-Trino-User", b"alice")], "alice"),
        ([(b"X-Trino-User", b""), basic(b"bob:secret")], "bob"),
        ([basic(b"user:pass:with:colons")], "user"),
        ([basic(b"user:")], "user"),
        ([basic(b":secret")], ""),
        ([basic("zoë:x".encode())], "zoë"),
        ([(b"Authorization", b"bAsIc " + b64encode(b"bob:x"))], "bob"),
        ([basic(b"no colon")], ""),
        ([(b"Authorization", b"Basic !!!")], ""),
        ([(b"Authorization", b"Basic YQ")], ""),
        ([(b"Authorization", b"Basic")], ""),
        ([(b"Authorization", b"Basic \xff\xff")], ""),
        ([(b"Authorization", b"Bearer " + b64encode(b"bob:x"))], ""),
        ([(b"X-Trino-User", b"\xff")], "�"),
        ([(b"X-Trino-User", b"a" * 9999)], "a" * LONGEST_SHOWN),
    ],
)
def test_who_the_client_says_it_is(fields: list[tuple[bytes, bytes]], name: str) -> None:
    assert user(named(fields)) == name


def test_the_source_is_the_programs_own_name_for_itself() -> None:
    assert source(named([(b"X-TRINO-SOURCE", b"trino-cli")])) == "trino-cli"
    assert source(named([(b"X-Trino-User", b"alice")])) == ""


def test_a_blank_group_is_no_wish() -> None:
    assert routing_group(named([(b"x-trino-routing-group", b" etl ")])) == "etl"
    assert routing_group(named([(b"X-Trino-Routing-Group", b"  ")])) is None
    assert routing_group({}) is None


def test_an_empty_field_is_not_an_absent_one() -> None:
    assert first(named([(b"x-trino-user", b"")]), USER) == b""
    assert first({}, USER) is None
