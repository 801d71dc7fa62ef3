import json

import pytest

from tests.replay.made import NOON, report, some_statements, statement
from warren.replay.shown.document import as_json, iso


def test_everything_is_in_it() -> None:
    found = json.loads(as_json(report(some_statements(), shown=1)))
    assert (found["statements"], found["moved"], found["notRecorded"]) == (6, 4, 0)
    assert (found["from"], found["to"]) == ("2026-11-01T12:00:00Z", "2026-11-01T14:00:00Z")
    assert found["moves"][0] == {
        "from": {"group": "adhoc"},
        "to": {"group": "etl"},
        "count": 2,
        "rule": "airflow",
        "ruleBefore": None,
        "because": "rule airflow says group etl",
        "examples": [{"id": "q1", "time": "2026-11-01T12:00:00Z", "user": "", "source": "airflow", "sql": "SELECT 1"}],
    }
    assert [move["to"] for move in found["moves"][1:]] == [{"rejected": True}, {"cluster": "blue"}]
    assert found["byRule"][0] == {
        "name": "airflow",
        "line": 2,
        "applied": 3,
        "decided": 3,
        "moved": 2,
        "failed": 0,
        "looksAtWhatIsNotKnown": [],
    }
    assert {"place": {"group": "etl"}, "hour": "2026-11-01T13:00:00Z", "before": 0, "after": 1} in found["load"]
    assert len(found["load"]) == 7
    assert len(found["notes"]) == 1


def test_seconds_are_there_where_they_are_known() -> None:
    found = json.loads(as_json(report([statement(wall_seconds=1.5)])))
    assert found["load"] == [
        {
            "place": {"group": "adhoc"},
            "hour": "2026-11-01T12:00:00Z",
            "before": 1,
            "after": 1,
            "wallSecondsBefore": 1.5,
            "wallSecondsAfter": 1.5,
        }
    ]


def test_nothing_is_a_report_as_well() -> None:
    found = json.loads(as_json(report([])))
    assert (found["statements"], found["from"], found["moves"], found["load"]) == (0, None, [], [])


@pytest.mark.parametrize(
    ("milliseconds", "text"),
    [(NOON, "2026-11-01T12:00:00Z"), (NOON + 5, "2026-11-01T12:00:00.005Z"), (0, "1970-01-01T00:00:00Z")],
)
def test_a_time_is_in_utc(milliseconds: int, text: str) -> None:
    assert iso(milliseconds) == text
