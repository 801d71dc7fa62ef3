import json

import pytest

from warren.protocol.answers.refusals import refusal

SENTENCE = "no cluster of group adhoc takes statements"


@pytest.mark.parametrize(
    "accept",
    [
        b"application/json",
        b"Application/JSON;charset=utf-8",
        b"application/json, text/plain, */*",
        b"text/plain;q=0.5,application/json;q=0.9",
    ],
)
def test_a_client_that_names_json_gets_json(accept: bytes) -> None:
    content_type, body = refusal(503, SENTENCE, instance="gw-1", accept=accept)
    assert content_type == b"application/json"
    assert json.loads(body) == {"status": 503, "message": SENTENCE, "instance": "gw-1"}


@pytest.mark.parametrize(
    "accept",
    [
        None,
        b"",
        b"*/*",
        b"text/html,application/xhtml+xml,*/*;q=0.8",
        b"application/json;q=0",
        b"application/json;q=nan",
        b"application/json;q=many",
        b"text/plain,application/json;q=0.5",
        b"\xff\xfe,;,;;q=",
    ],
)
def test_anyone_else_gets_one_line_of_text(accept: bytes | None) -> None:
    content_type, body = refusal(503, SENTENCE, instance="gw-1", accept=accept)
    assert content_type == b"text/plain; charset=utf-8"
    assert body == b"no cluster of group adhoc takes statements (gateway instance gw-1)\n"


@pytest.mark.parametrize("accept", [None, b"application/json"])
def test_a_hostile_sentence_stays_one_line(accept: bytes | None) -> None:
    _, body = refusal(400, "a\r\nb\x1b\x85\u2028\ud800", instance="gw-1", accept=accept)
    assert b"\n" not in body.rstrip(b"\n")
    assert not {b"\r", b"\x1b"} & {body[i : i + 1] for i in range(len(body))}
