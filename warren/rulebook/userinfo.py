"""Asks an OpenID provider's UserInfo endpoint whose an access token is, and remembers what it said."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final, Protocol

import orjson
import structlog

from warren.drivers.http_service import KeptHttpClient
from warren.errors import ClusterFellSilent, ClusterMisbehaved, ClusterUnreachable
from warren.facts import RequestUser
from warren.protocol.headers import Fields
from warren.protocol.identity import bearer_token, user_of_cookies, user_of_credentials
from warren.telemetry.few_lines import FewLines

log = structlog.get_logger()

CAPACITY: Final = 10_000
KNOWN_SECONDS: Final = 600.0
"""So many tokens are remembered, each for so long after its last use."""
MOST_BYTES: Final = 16 * 1024 * 1024
"""Of the answers that are remembered, as they came."""

FAILED_SECONDS: Final = 5.0
"""So long nobody asks again about a token that got no answer; about any token, when the endpoint itself is in trouble."""
FAILURES: Final = 3
"""So many calls in a row without an answer are trouble of the endpoint; a connection that cannot be made is at once."""

DEADLINE_SECONDS: Final = 2.0
AT_ONCE: Final = 64
"""Calls at once; whoever would make one more goes without an answer."""


class WhoHolds(Protocol):
    """Tells whose a token is. Never raises."""

    async def about(self, token: str) -> Mapping[str, Any] | None:
        """The UserInfo object, whose `sub` is a text that says something; None when it cannot be had."""
        ...


class NoUserInfo:
    """No endpoint is configured."""

    async def about(self, token: str) -> Mapping[str, Any] | None:
        return None


async def who_asks(fields: Fields, *, claim: str, who_holds: WhoHolds) -> RequestUser:
    """What rules are told of the one whose statement it is; `claim` is what names the user in a token."""
    if name := user_of_credentials(fields, claim=claim):
        return RequestUser(user=name)
    token = bearer_token(fields)
    if token is None or (info := await who_holds.about(token)) is None:
        return RequestUser(user=user_of_cookies(fields, claim=claim) or None)
    subject = info.get("sub")
    return RequestUser(user=subject if isinstance(subject, str) else None, user_info=info)


@dataclass(slots=True)
class UserInfoCounts:
    """What became of questions; each of them is in one of the last five, unless its client leaves meanwhile."""

    asked: int = 0
    remembered: int = 0
    """Known from an earlier answer, or from one to somebody else at the same time."""
    answered: int = 0
    failed: int = 0
    """By the endpoint: no answer, or one that names nobody."""
    spared: int = 0
    """Not asked, because it had failed a moment before."""
    refused: int = 0
    """Not asked, because AT_ONCE calls were under way, or because this is no token."""


class _Recent:
    """At most CAPACITY answers by key, of at most MOST_BYTES together, each for a while after it was kept."""

    def __init__(self, seconds: float, clock: Callable[[], float]) -> None:
        self._seconds = seconds
        self._clock = clock
        self._kept: OrderedDict[bytes, tuple[float, bytes]] = OrderedDict()
        """The oldest first."""
        self._bytes = 0

    def find(self, key: bytes) -> bytes | None:
        kept_at, value = self._kept.get(key, (float("-inf"), None))
        return value if self._clock() - kept_at < self._seconds else None

    def keep(self, key: bytes, value: bytes) -> None:
        now = self._clock()
        _, former = self._kept.pop(key, (now, b""))
        self._kept[key] = (now, value)
        self._bytes += len(value) - len(former)
        while self._kept and (
            len(self._kept) > CAPACITY
            or self._bytes > MOST_BYTES
            or now - next(iter(self._kept.values()))[0] >= self._seconds
        ):
            _, (_, dropped) = self._kept.popitem(last=False)
            self._bytes -= len(dropped)


class UserInfo:
    """One endpoint, asked once about each token however many requests bring it. Tokens themselves are not kept."""

    def __init__(self, client: KeptHttpClient, url: str, *, clock: Callable[[], float]) -> None:
        """`url` without user info. `clock` tells monotonic seconds."""
        self.counts = UserInfoCounts()
        self._client = client
        self._url = url
        self._clock = clock
        self._known = _Recent(KNOWN_SECONDS, clock)
        self._failed = _Recent(FAILED_SECONDS, clock)
        self._asking: dict[bytes, asyncio.Event] = {}
        self._in_a_row = 0
        self._quiet_until = float("-inf")
        self._lines = FewLines(clock)

    async def about(self, token: str) -> Mapping[str, Any] | None:
        """What the endpoint says of the token's holder; None when it cannot be had. Never raises."""
        self.counts.asked += 1
        if not token.isascii() or not token.isprintable() or not token or " " in token:
            self.counts.refused += 1
            return None
        key = sha256(token.encode()).digest()
        while (running := self._asking.get(key)) is not None:
            await running.wait()
        if (known := self._known.find(key)) is not None:
            self.counts.remembered += 1
            self._known.keep(key, known)
            return user_info_in(known)
        if self._clock() < self._quiet_until or self._failed.find(key) is not None:
            self.counts.spared += 1
            return None
        if len(self._asking) >= AT_ONCE:
            self.counts.refused += 1
            return None
        ended = self._asking[key] = asyncio.Event()
        try:
            return await self._ask(key, token)
        finally:
            # Also when this client leaves: then somebody who waited for its answer asks.
            del self._asking[key]
            ended.set()

    async def _ask(self, key: bytes, token: str) -> Mapping[str, Any] | None:
        headers = [("Authorization", f"Bearer {token}"), ("Accept", "application/json")]
        try:
            answer = await self._client.get(self._url, headers, deadline_seconds=DEADLINE_SECONDS)
        except (ClusterUnreachable, ClusterFellSilent, ClusterMisbehaved) as error:
            self._in_trouble(str(error), at_once=isinstance(error, ClusterUnreachable))
            said = body = None
        else:
            if answer.status >= 500:
                self._in_trouble(f"it answered {answer.status}", at_once=False)
            else:
                self._in_a_row, self._quiet_until = 0, float("-inf")
            body = answer.body if answer.status == 200 else None
            said = user_info_in(body) if body is not None else None
        if body is None or said is None:
            self.counts.failed += 1
            self._failed.keep(key, b"")
        else:
            self.counts.answered += 1
            self._known.keep(key, body)
        return said

    def _in_trouble(self, error: str, *, at_once: bool) -> None:
        self._in_a_row += 1
        if at_once or self._in_a_row >= FAILURES:
            self._quiet_until = self._clock() + FAILED_SECONDS
            if (more := self._lines.one_more()) is not None:
                log.warning("user_info_failing", because=error, again_in_seconds=FAILED_SECONDS, **more)


def user_info_in(body: bytes) -> Mapping[str, Any] | None:
    """The UserInfo object, whose `sub` is a text that says something; None for any other text."""
    try:
        said = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(said, dict):
        return None
    subject = said.get("sub")
    return said if isinstance(subject, str) and subject.strip() else None
