"""Host and port, taken apart."""

import pytest

from warren.settings.addresses.authority import host_and_port
from warren.settings.units import WrongValue


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("db.example.com:5432", ("db.example.com", 5432)),
        ("db", ("db", None)),
        ("db:", ("db", None)),
        (":5432", ("", 5432)),
        ("", ("", None)),
        ("[::1]", ("::1", None)),
        ("[2001:db8::1]:65535", ("2001:db8::1", 65535)),
    ],
)
def test_either_part_may_be_missing(text: str, parts: tuple[str, int | None]) -> None:
    assert host_and_port(text) == parts


@pytest.mark.parametrize(
    "text", ["[::1", "[::1]5432", "::1", "a:b:c", "a:0", "a:65536", "a:-1", "a:x", "a:١", "a:000001"]
)
def test_what_is_neither_is_refused(text: str) -> None:
    with pytest.raises(WrongValue):
        host_and_port(text)
