"""Reading the id of a new query. How statements travel past failing clusters is told in tests/journeys."""

import asyncio
from typing import cast

import pytest

from warren.errors import ClusterMisbehaved
from warren.proxy.submission import read_query_id
from warren.wire.held import HeldAnswer
from warren.wire.outbound import ClusterConnection

ID = "20260416_160256_03078_6b4yt"
PAGE = b'{"id":"20260416_160256_03078_6b4yt","infoUri":"http://blue/ui/query.html?20200101_000000_00000_aaaaa"}'


class Paused:
    """A connection that has nothing more to say than the test gives to the answer itself."""

    def resume(self) -> None: ...

    def pause(self) -> None: ...

    def drop(self, _receiver: object) -> None: ...


def held() -> HeldAnswer:
    connection = Paused()
    answer = HeldAnswer(cast(ClusterConnection, connection), connection)
    answer.answered(answer.connection, b"HTTP/1.1 200 OK\r\n\r\n", 200, None, 19)
    return answer


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (PAGE, ID),
        (b" \r\n" + PAGE, ID),
        (b'{"infoUri":"x","id" : "' + ID.encode() + b'"}', ID),
        (b'{"stats":{' + b" " * 3000 + b'},"id":"' + ID.encode() + b'"}', ID),
        (b'{"stats":{' + b" " * 5000 + b'},"id":"' + ID.encode() + b'"}', None),
        (b"<html>" + PAGE, None),
        (b"\x1f\x8b\x08" + PAGE, None),
        (b'{"error":"\\"id\\":\\"' + ID.encode() + b'\\""}', None),
        (b'{"id":"no such thing"}', None),
        (b"{}", None),
        (b"", None),
    ],
)
@pytest.mark.parametrize("size", [1, 50, 100_000])
async def test_the_id_is_read_however_the_answer_comes(body: bytes, found: str | None, size: int) -> None:
    answer = held()
    async with asyncio.TaskGroup() as group:
        reading = group.create_task(read_query_id(answer))
        for start in range(0, len(body), size):
            await asyncio.sleep(0)
            answer.body_of_answer(body[start : start + size])
        answer.ended()
    assert reading.result() == found


async def test_it_waits_no_longer_than_the_id_needs() -> None:
    answer = held()
    answer.body_of_answer(PAGE)
    async with asyncio.timeout(1):
        assert await read_query_id(answer) == ID


async def test_an_answer_that_breaks_off_has_no_id() -> None:
    answer = held()
    answer.body_of_answer(PAGE[:20])
    answer.failed(ClusterMisbehaved("it broke"))
    assert await read_query_id(answer) is None
