import json

import pytest
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.types import Message

from warren.admin.answers import LONGEST_BODY, body_of, json_answer, refusal


def request_with(*pieces: bytes, whole: bool = True) -> Request:
    coming: list[Message] = [{"type": "http.request", "body": piece, "more_body": True} for piece in pieces]
    coming.append({"type": "http.request", "body": b""} if whole else {"type": "http.disconnect"})

    async def receive() -> Message:
        return coming.pop(0)

    return Request({"type": "http", "method": "POST", "headers": []}, receive)


async def test_a_body_is_put_together() -> None:
    assert await body_of(request_with(b"a", b"", b"bc")) == b"abc"


async def test_a_body_may_be_as_long_as_the_limit() -> None:
    assert len(await body_of(request_with(b"x" * LONGEST_BODY))) == LONGEST_BODY


async def test_a_longer_body_is_refused_before_its_end() -> None:
    with pytest.raises(HTTPException) as refused:
        await body_of(request_with(b"x" * LONGEST_BODY, b"y", whole=False))
    assert refused.value.status_code == 413


async def test_a_cut_body_is_not_taken_for_a_whole_one() -> None:
    with pytest.raises(ClientDisconnect):
        await body_of(request_with(b"trino1", whole=False))


def test_json_keeps_the_order_of_keys_and_has_no_blanks() -> None:
    assert bytes(json_answer({"b": 1, "a": ["é"]}).body) == '{"b":1,"a":["é"]}'.encode()


def test_a_refusal_has_two_forms_with_the_same_sentence() -> None:
    text = refusal(404, "there is none", instance="gw-1", accept="*/*")
    assert bytes(text.body) == b"there is none (gateway instance gw-1)\n"
    assert text.headers["content-type"] == "text/plain; charset=utf-8"
    as_json = refusal(
        404, "there is none", instance="gw-1", accept="text/html, application/JSON", headers={"Allow": "GET"}
    )
    assert json.loads(bytes(as_json.body)) == {"status": 404, "message": "there is none", "instance": "gw-1"}
    assert as_json.headers["allow"] == "GET"
