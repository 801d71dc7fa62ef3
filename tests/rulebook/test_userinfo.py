"""Against a real server on a loopback port, which knows some tokens and counts how often it is asked."""

import asyncio
import socket
from base64 import b64encode
from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from aiohttp.test_utils import RawTestServer
from structlog.testing import capture_logs

from warren.drivers.http_service import KeptHttpClient
from warren.rulebook import userinfo as module
from warren.rulebook.userinfo import (
    FAILED_SECONDS,
    FAILURES,
    KNOWN_SECONDS,
    NoUserInfo,
    UserInfo,
    UserInfoCounts,
    WhoHolds,
    user_info_in,
    who_asks,
)

ALICE = {"sub": "alice", "email": "alice@example.com", "groups": ["etl"]}


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Provider:
    """Says `body` with `status` of any token; `go` lets its answers out."""

    def __init__(self) -> None:
        self.status = 200
        self.body = b'{"sub":"alice","email":"alice@example.com","groups":["etl"]}'
        self.go = asyncio.Event()
        self.go.set()
        self.asked: list[tuple[str, str]] = []
        self.arrived = asyncio.Semaphore(0)
        self.url = ""

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        self.asked.append((request.method, request.headers["Authorization"]))
        self.arrived.release()
        await self.go.wait()
        return web.Response(status=self.status, body=self.body)


class Scene:
    def __init__(self, client: KeptHttpClient, provider: Provider) -> None:
        self.client = client
        self.provider = provider
        self.clock = Clock()
        self.user_info = self.asking(provider.url)

    def asking(self, url: str) -> UserInfo:
        self.user_info = UserInfo(self.client, url, clock=self.clock)
        return self.user_info


@pytest.fixture
async def scene() -> AsyncIterator[Scene]:
    client, provider = KeptHttpClient(tls=None, connect_seconds=5), Provider()
    server = RawTestServer(provider.answer, handler_cancellation=True)
    await server.start_server()
    provider.url = str(server.make_url("/userinfo"))
    yield Scene(client, provider)
    await client.aclose()
    await server.close()


async def test_the_endpoint_is_asked_with_the_token_and_its_object_comes_back(scene: Scene) -> None:
    assert await scene.user_info.about("abc") == ALICE
    assert scene.provider.asked == [("GET", "Bearer abc")]


async def test_what_it_said_is_remembered_until_ten_minutes_after_the_last_use(scene: Scene) -> None:
    for _ in range(3):
        assert await scene.user_info.about("abc") == ALICE
        scene.clock.now += KNOWN_SECONDS - 1
    assert len(scene.provider.asked) == 1
    scene.clock.now += 1
    assert await scene.user_info.about("abc") == ALICE
    assert len(scene.provider.asked) == 2
    assert scene.user_info.counts == UserInfoCounts(asked=4, remembered=2, answered=2)


async def test_tokens_are_not_mixed_up(scene: Scene) -> None:
    await scene.user_info.about("abc")
    scene.provider.body = b'{"sub":"bob"}'
    assert await scene.user_info.about("abd") == {"sub": "bob"}
    assert await scene.user_info.about("abc") == ALICE


async def test_only_so_many_tokens_are_remembered_and_those_in_use_stay(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CAPACITY", 2)
    for token in ("a", "b", "a", "c", "a"):
        await scene.user_info.about(token)
    assert len(scene.provider.asked) == 3
    await scene.user_info.about("b")
    assert len(scene.provider.asked) == 4


async def test_long_answers_are_remembered_within_a_bound(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_BYTES", 2 * len(scene.provider.body))
    for token in ("a", "b", "a", "c", "a"):
        assert await scene.user_info.about(token) == ALICE
    assert len(scene.provider.asked) == 3
    scene.provider.body = b'{"sub":"alice","x":"%s"}' % (b"x" * 1000)
    for _ in range(2):
        await scene.user_info.about("d")
    assert len(scene.provider.asked) == 5
    assert scene.user_info._known._bytes == 0


async def test_no_token_stays_in_memory(scene: Scene) -> None:
    await scene.user_info.about("secret-of-alice")
    scene.provider.status = 401
    await scene.user_info.about("secret-of-bob")
    kept = [scene.user_info._known._kept, scene.user_info._failed._kept]
    assert [len(each) for each in kept] == [1, 1]
    assert "secret" not in repr(kept)


async def test_however_many_ask_about_a_token_the_endpoint_is_asked_once(scene: Scene) -> None:
    scene.provider.go.clear()
    async with asyncio.TaskGroup() as group:
        asking = [group.create_task(scene.user_info.about("abc")) for _ in range(50)]
        await scene.provider.arrived.acquire()
        scene.provider.go.set()
    assert [each.result() for each in asking] == [ALICE] * 50
    assert len(scene.provider.asked) == 1
    assert scene.user_info.counts == UserInfoCounts(asked=50, remembered=49, answered=1)


async def test_when_the_one_who_asks_leaves_another_who_waits_asks(scene: Scene) -> None:
    scene.provider.go.clear()
    async with asyncio.TaskGroup() as group:
        first = group.create_task(scene.user_info.about("abc"))
        await scene.provider.arrived.acquire()
        others = [group.create_task(scene.user_info.about("abc")) for _ in range(5)]
        await asyncio.sleep(0)
        first.cancel()
        await scene.provider.arrived.acquire()
        scene.provider.go.set()
    assert [each.result() for each in others] == [ALICE] * 5
    assert len(scene.provider.asked) == 2


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, b""),
        (200, b"\xff"),
        (200, b"eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0."),
        (200, b"[" * 100_000),
        (200, b'["alice"]'),
        (200, b"{}"),
        (200, b'{"sub":null}'),
        (200, b'{"sub":5}'),
        (200, b'{"sub":""}'),
        (200, b'{"sub":" "}'),
        (200, b'{"sub":"alice","filler":"%b"}' % (b"x" * 1024 * 1024)),
        (201, b'{"sub":"alice"}'),
        (302, b'{"sub":"alice"}'),
        (401, b'{"sub":"alice"}'),
        (500, b'{"sub":"alice"}'),
    ],
)
async def test_any_other_answer_names_nobody_and_is_remembered_for_a_moment(
    scene: Scene, status: int, body: bytes
) -> None:
    scene.provider.status, scene.provider.body = status, body
    assert await scene.user_info.about("abc") is None
    scene.provider.status, scene.provider.body = 200, b'{"sub":"alice"}'
    assert await scene.user_info.about("abc") is None
    assert len(scene.provider.asked) == 1
    scene.clock.now += FAILED_SECONDS
    assert await scene.user_info.about("abc") == {"sub": "alice"}
    assert scene.user_info.counts == UserInfoCounts(asked=3, answered=1, failed=1, spared=1)


async def test_a_refused_token_says_nothing_about_others(scene: Scene) -> None:
    scene.provider.status = 401
    for token in ("a", "b", "c", "d", "e"):
        await scene.user_info.about(token)
    scene.provider.status = 200
    assert await scene.user_info.about("f") == ALICE


async def test_an_endpoint_that_is_not_there_is_left_alone_for_a_moment_whatever_the_token(scene: Scene) -> None:
    with socket.socket() as bound, capture_logs() as logs:
        bound.bind(("127.0.0.1", 0))
        user_info = scene.asking(f"http://127.0.0.1:{bound.getsockname()[1]}/userinfo")
        for token in ("abc", "abd", "abe"):
            assert await user_info.about(token) is None
        assert user_info.counts == UserInfoCounts(asked=3, failed=1, spared=2)
        scene.clock.now += FAILED_SECONDS
        assert await user_info.about("abd") is None
        assert user_info.counts.failed == 2
    assert [line["event"] for line in logs] == ["user_info_failing"] * 2
    assert logs[0]["because"] == "connection refused"


async def test_an_endpoint_that_is_silent_is_left_alone_after_a_few_calls(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "DEADLINE_SECONDS", 0.02)
    scene.provider.go.clear()
    for number in range(FAILURES + 3):
        assert await scene.user_info.about(f"token{number}") is None
    assert len(scene.provider.asked) == FAILURES
    scene.provider.go.set()
    scene.clock.now += FAILED_SECONDS
    monkeypatch.setattr(module, "DEADLINE_SECONDS", 5.0)
    assert await scene.user_info.about("token9") == ALICE


async def test_failures_with_answers_between_them_do_not_count_up(scene: Scene) -> None:
    for number in range(3 * FAILURES):
        scene.provider.status = 200 if number % FAILURES == 0 else 503
        await scene.user_info.about(f"token{number}")
    assert scene.user_info.counts.spared == 0


async def test_what_is_known_is_told_while_the_endpoint_is_in_trouble(scene: Scene) -> None:
    await scene.user_info.about("abc")
    scene.provider.status = 503
    for number in range(FAILURES):
        await scene.user_info.about(f"token{number}")
    assert await scene.user_info.about("abc") == ALICE
    assert await scene.user_info.about("other") is None
    assert scene.user_info.counts.spared == 1


async def test_only_so_many_calls_are_made_at_once(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "AT_ONCE", 3)
    scene.provider.go.clear()
    async with asyncio.TaskGroup() as group:
        asking = [group.create_task(scene.user_info.about(f"token{number}")) for number in range(3)]
        for _ in asking:
            await scene.provider.arrived.acquire()
        assert await scene.user_info.about("token3") is None
        scene.provider.go.set()
    assert [each.result() for each in asking] == [ALICE] * 3
    assert await scene.user_info.about("token3") == ALICE, "that there was no room is not remembered"
    assert scene.user_info.counts == UserInfoCounts(asked=5, answered=4, refused=1)


@pytest.mark.parametrize("token", ["", "a b", "a\r\nX-A: b", "\x00", "ä", "\ud800", "\x7f"])
async def test_what_is_no_token_is_not_asked_about(scene: Scene, token: str) -> None:
    assert await scene.user_info.about(token) is None
    assert scene.provider.asked == []
    assert await scene.user_info.about("abc") == ALICE


async def test_without_an_endpoint_nobody_is_known() -> None:
    nobody: WhoHolds = NoUserInfo()
    assert await nobody.about("abc") is None


def test_the_object_comes_as_it_is() -> None:
    assert user_info_in(b'{"sub":"a","x":{"y":[1]}}') == {"sub": "a", "x": {"y": [1]}}


COOKIE = b"Trino-UI-Token=e30." + b64encode(b'{"email":"carol"}').rstrip(b"=") + b"."


@pytest.mark.parametrize(
    ("fields", "user", "is_asked"),
    [
        ({b"authorization": [b"Bearer abc"], b"cookie": [COOKIE]}, "alice", True),
        ({b"authorization": [b"Bearer abc"], b"cookie": [COOKIE], b"x-trino-user": [b"bob"]}, "bob", False),
        ({b"cookie": [COOKIE]}, "carol", False),
        ({b"authorization": [b"Bearer unknown"], b"cookie": [COOKIE]}, "carol", True),
        ({b"authorization": [b"Bearer unknown"]}, None, True),
        ({}, None, False),
    ],
)
async def test_the_endpoint_is_asked_behind_the_token_and_before_cookies(
    scene: Scene, fields: dict[bytes, list[bytes]], user: str | None, is_asked: bool
) -> None:
    if fields.get(b"authorization") == [b"Bearer unknown"]:
        scene.provider.status = 401
    found = await who_asks(fields, claim="email", who_holds=scene.user_info)
    assert (found.user, bool(scene.provider.asked)) == (user, is_asked)
    assert (found.user_info == ALICE) is (user == "alice")
