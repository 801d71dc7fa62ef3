import os

import pytest

from tests.admin.own import Own, SiblingsThatSay, ask
from warren.admin.entrance import CLIENT_ADDRESS, READYZ
from warren.admin.readiness import Readiness
from warren.model import SiblingAnswer


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


def told(slot: int, body: str, *, status: int = 200) -> SiblingAnswer:
    return SiblingAnswer(slot, 100 + slot, status=status, body=body.encode())


READY = '{"ready": true, "message": "ok", "details": {}}'
STOPPING = '{"ready": false, "message": "this instance is stopping", "details": {}}'


@pytest.mark.parametrize(
    ("own", "answers", "status", "text"),
    [
        (Readiness(True, "ok"), [told(1, STOPPING, status=503)], 200, "ok"),
        (Readiness(False, "not yet"), [told(1, READY)], 200, "ok"),
        (Readiness(False, "not yet"), [told(1, STOPPING, status=503), told(3, READY)], 200, "ok"),
        (Readiness(False, "not yet"), [told(1, STOPPING, status=503)], 503, "not yet"),
        (Readiness(False, "not yet"), [SiblingAnswer(1, 0, error="it is starting")], 503, "not yet"),
        (Readiness(False, "not yet"), [told(1, "<html>"), told(3, "[]")], 503, "not yet"),
        (Readiness(False, "not yet"), [told(1, '{"ready": "yes"}')], 503, "not yet"),
    ],
)
async def test_of_several_workers_one_is_enough_to_be_ready(
    own: Readiness, answers: list[SiblingAnswer], status: int, text: str
) -> None:
    answer = await Own(readiness=own, siblings=SiblingsThatSay(tuple(answers), slot=2)).ask("GET", READYZ)
    assert (answer.status, answer.text) == (status, text)


async def test_the_details_have_a_line_about_each_worker() -> None:
    answers = (
        told(1, STOPPING, status=503),
        SiblingAnswer(3, 0, error="it has ended, and is about to be started again"),
        told(4, "nonsense", status=500),
    )
    own = Own(readiness=Readiness(True, "ok", {"connections": 7}), siblings=SiblingsThatSay(answers, slot=2))
    answer = await own.ask("GET", READYZ, headers={"Accept": "application/json"})
    assert answer.json() == {
        "ready": True,
        "message": "ok",
        "details": {
            "connections": 7,
            "workers": [
                {"slot": 1, "pid": 101, "ready": False, "message": "this instance is stopping"},
                {"slot": 2, "pid": os.getpid(), "ready": True, "message": "ok"},
                {"slot": 3, "pid": 0, "ready": False, "message": "it has ended, and is about to be started again"},
                {"slot": 4, "pid": 104, "ready": False, "message": "its answer, 500, cannot be read"},
            ],
        },
    }
    assert own.siblings.asked == [READYZ]


async def test_one_that_makes_room_for_its_successor_tells_of_that_one() -> None:
    own = Own(readiness=Readiness(False, "this instance is stopping"), siblings=SiblingsThatSay((told(1, READY),)))
    answer = await own.ask("GET", READYZ, headers={"Accept": "application/json"})
    found = answer.json()
    assert isinstance(found, dict)
    assert found["details"] == {"workers": [{"slot": 1, "pid": 101, "ready": True, "message": "ok"}]}


async def test_what_a_sibling_asks_is_answered_for_this_worker_alone() -> None:
    own = Own(readiness=Readiness(False, "not yet"), allow_from=[], siblings=SiblingsThatSay((told(2, READY),)))
    answer = await ask(own.app, "GET", READYZ)
    assert (answer.status, answer.json()) == (503, {"ready": False, "message": "not yet", "details": {}})
    assert own.siblings.asked == []
