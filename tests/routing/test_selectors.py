import pytest

from warren.model import Decision, GroupName
from warren.routing.selectors import by_group_header

ADHOC = GroupName("adhoc")


@pytest.mark.parametrize(
    ("value", "group", "because"),
    [
        ("etl", "etl", "header X-Trino-Routing-Group says etl"),
        ("  etl\t", "etl", "header X-Trino-Routing-Group says etl"),
        ("ETL", "ETL", "header X-Trino-Routing-Group says ETL"),
        ("adhoc", "adhoc", "header X-Trino-Routing-Group says adhoc"),
        ("Fünf Türme", "Fünf Türme", "header X-Trino-Routing-Group says Fünf Türme"),
        (None, "adhoc", "no X-Trino-Routing-Group header, so default group adhoc"),
        ("", "adhoc", "no X-Trino-Routing-Group header, so default group adhoc"),
        (" \t ", "adhoc", "no X-Trino-Routing-Group header, so default group adhoc"),
    ],
)
def test_the_group_header_decides_or_the_default_group_does(value: str | None, group: str, because: str) -> None:
    assert by_group_header(value, default=ADHOC) == Decision(GroupName(group), because)


def test_a_hostile_header_stays_one_short_printable_line_in_the_reason() -> None:
    hostile = "\x1b[2J\n\u202e" + "x" * 60_000
    decision = by_group_header(hostile, default=ADHOC)

    assert decision.group == hostile.strip()
    assert decision.because.isprintable()
    assert len(decision.because) < 200
