import pytest

from tests.admin.own import Own
from warren.admin.entrance import CLIENT_ADDRESS
from warren.admin.readiness import Readiness


async def test_an_instance_that_answers_is_alive() -> None:
    answer = await Own(readiness=Readiness(False, "starting")).ask("GET", "/trino-gateway/livez")
    assert (answer.status, answer.text) == (200, "ok")


async def test_a_ready_instance_says_ok_and_nothing_else() -> None:
    own = Own(readiness=Readiness(True, "the database cannot be reached", {"database": "down"}))
    answer = await own.ask("GET", "/trino-gateway/readyz")
    assert (answer.status, answer.text) == (200, "ok")


async def test_an_instance_that_is_not_ready_says_why() -> None:
    own = Own(readiness=Readiness(False, "the first round of probes is not done"))
    answer = await own.ask("GET", "/trino-gateway/readyz")
    assert (answer.status, answer.text) == (503, "the first round of probes is not done")


async def test_details_are_json_for_those_who_ask() -> None:
    own = Own(readiness=Readiness(True, "the database cannot be reached", {"database": "down"}))
    answer = await own.ask("GET", "/trino-gateway/readyz", headers={"Accept": "application/json"})
    assert answer.status == 200
    assert answer.json() == {
        "ready": True,
        "message": "the database cannot be reached",
        "details": {"database": "down"},
    }
    own.readiness = Readiness(False, "shutting down")
    assert (await own.ask("GET", "/trino-gateway/readyz", headers={"Accept": "application/json"})).status == 503


@pytest.mark.parametrize(("ready", "status", "text"), [(True, 200, "ok"), (False, 503, "shutting down")])
async def test_those_whom_the_management_api_refuses_get_the_text_and_no_details(
    ready: bool, status: int, text: str
) -> None:
    readiness = Readiness(ready, "ok" if ready else "shutting down", {"clusters": {"blue": "HEALTHY"}})
    own = Own(readiness=readiness, allow_from=["10.0.0.0/8"])
    accept = {"Accept": "application/json"}
    stranger = await own.ask("GET", "/trino-gateway/readyz", headers=accept)
    assert (stranger.status, stranger.text) == (status, text)
    friend = await own.ask("GET", "/trino-gateway/readyz", headers={**accept, CLIENT_ADDRESS: "10.1.2.3"})
    assert friend.status == status
    assert "blue" in friend.text
