from collections.abc import Iterable

from warren.protocol.headers import USER, first, routing_group, source


def named(pairs: Iterable[tuple[bytes, bytes]]) -> dict[bytes, list[bytes]]:
    fields: dict[bytes, list[bytes]] = {}
    for name, value in pairs:
        fields.setdefault(name.lower(), []).append(value)
    return fields


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
