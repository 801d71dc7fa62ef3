import h11
import pytest

from warren.wire.syntax.answers import CONTINUE, own_answer


def read(answer: bytes, method: str) -> list[object]:
    """The events that a strict client makes of it."""
    client = h11.Connection(h11.CLIENT)
    client.send(h11.Request(method=method, target="/", headers=[("Host", "x")]))
    client.send(h11.EndOfMessage())
    client.receive_data(answer)
    events: list[object] = [client.next_event()]
    while not isinstance(events[-1], h11.EndOfMessage):
        assert len(events) < 4
        events.append(client.next_event())
    return events


@pytest.mark.parametrize("status", [400, 404, 405, 408, 413, 431, 500, 503, 504, 508])
def test_an_own_answer_is_read_by_a_strict_client(status: int) -> None:
    answer = own_answer(status, b"text/plain", b"no", (b"Allow: GET",), close=True, head_only=False)
    head, body, end = read(answer, "GET")
    assert isinstance(head, h11.Response)
    assert isinstance(body, h11.Data)
    assert isinstance(end, h11.EndOfMessage)
    assert head.status_code == status
    assert (b"allow", b"GET") in list(head.headers)
    assert (b"connection", b"close") in list(head.headers)
    assert bytes(body.data) == b"no"


def test_the_answer_to_a_head_names_the_length_of_the_body_that_is_left_out() -> None:
    answer = own_answer(404, b"text/plain", b"nothing", (), close=False, head_only=True)
    head, end = read(answer, "HEAD")
    assert isinstance(head, h11.Response)
    assert isinstance(end, h11.EndOfMessage)
    assert dict(head.headers)[b"content-length"] == b"7"
    assert answer.endswith(b"\r\n\r\n")


def test_a_continue_has_no_fields() -> None:
    assert CONTINUE == b"HTTP/1.1 100 Continue\r\n\r\n"
