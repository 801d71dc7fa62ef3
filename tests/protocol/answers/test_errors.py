"""The form in which Trino tells of a query that has failed, as its clients read it."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import orjson
import pytest
from trino.client import TrinoRequest
from trino.exceptions import TrinoUserError

from warren.protocol.answers.errors import NEVER_DRAWN, failed_query
from warren.protocol.answers.pages import query_id
from warren.simulator.queries import COORDINATOR_ID_LETTERS

NOW = datetime(2026, 11, 25, 17, 30, 5, tzinfo=UTC)


def failed(
    message: str = "not today", *, now: datetime = NOW, scheme: str = "https", authority: str = "gw:8443"
) -> Any:
    return orjson.loads(failed_query(message, now=now, scheme=scheme, authority=authority))


def test_a_client_finds_what_it_looks_for() -> None:
    found = failed()
    assert found["id"] == f"20261125_173005_00000_{NEVER_DRAWN}"
    assert found["infoUri"] == f"https://gw:8443/ui/query.html?{found['id']}"
    assert "nextUri" not in found
    assert found["stats"]["state"] == "FAILED"
    error = found["error"]
    assert (error["message"], error["errorName"], error["errorType"]) == (
        "not today",
        "PERMISSION_DENIED",
        "USER_ERROR",
    )
    assert error["errorCode"] == 4
    assert error["failureInfo"]["message"] == "not today"
    assert found["warnings"] == []


def test_its_id_reads_as_a_query_of_nobody() -> None:
    assert query_id(failed_query("", now=NOW, scheme="http", authority="x")) == failed()["id"]
    assert not set(NEVER_DRAWN) & set(COORDINATOR_ID_LETTERS)


def test_its_id_tells_the_time_in_utc_as_trinos_do() -> None:
    there = NOW.astimezone(timezone(timedelta(hours=5, minutes=30)))
    assert failed(now=there)["id"] == failed()["id"]


@pytest.mark.parametrize(
    "authority", ["gateway", "gateway:8080", "192.0.2.1:80", "[2001:db8::1]", "[2001:db8::1]:8080", "a-b_c.example"]
)
def test_what_the_client_calls_us_is_in_the_address(authority: str) -> None:
    assert failed(authority=authority)["infoUri"].startswith(f"https://{authority}/ui/")


@pytest.mark.parametrize(
    "authority", ["", "a b", "a/b", "a@b", "a?b", "a#b", "a\\b", "<script>", "é", "a\n", "[::1", "[::1]x", "gw:80\n"]
)
def test_what_is_no_host_is_not(authority: str) -> None:
    assert failed(authority=authority)["infoUri"].startswith("https://localhost/ui/")


@pytest.mark.parametrize(
    ("message", "told"),
    [("", ""), ('"quotes" and \n lines', '"quotes" and \n lines'), ("zoë 😀", "zoë 😀"), ("half \ud83d", "half ?")],
)
def test_any_sentence_can_be_told(message: str, told: str) -> None:
    assert failed(message)["error"]["message"] == told
    assert failed(message)["error"]["failureInfo"]["message"] == told


def test_trinos_python_client_raises_an_error_of_the_user() -> None:
    error = TrinoRequest._process_error(failed()["error"], failed()["id"])
    assert isinstance(error, TrinoUserError)
    assert (error.error_name, error.message, error.query_id) == ("PERMISSION_DENIED", "not today", failed()["id"])
