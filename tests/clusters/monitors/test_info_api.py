"""INFO_API against a server on a loopback port that answers what a Trino, a strange server, or a broken one would."""

import asyncio
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from warren.clusters.monitors.info_api import InfoApi, observed, seconds
from warren.clusters.monitors.monitor import Observation
from warren.drivers.http import Answer, HttpClient
from warren.model import Cluster, ClusterName, ClusterUrl, CoordinatorId, GroupName, HealthStatus

TRINO_476 = (
    b'{"nodeVersion":{"version":"476"},"environment":"lab","coordinator":true,"starting":false,"uptime":"1.02m"}'
)
FORWARDED_OFF = b"HTTP ERROR 406 Server configuration does not allow processing of the X-Forwarded-Proto header"
HEALTHY = Observation(status=HealthStatus.HEALTHY, uptime=61.2, answered=True)


@pytest.mark.parametrize(
    ("body", "observation"),
    [
        (TRINO_476, HEALTHY),
        (b'{"starting":false}', replace(HEALTHY, uptime=None)),
        (
            b'{"starting":false,"coordinator":true,"coordinatorId":"7q5ke"}',
            Observation(status=HealthStatus.HEALTHY, coordinator_id=CoordinatorId("7q5ke"), answered=True),
        ),
        (b'{"starting":false,"coordinatorId":7}', replace(HEALTHY, uptime=None)),
        (
            b'{"starting":true,"coordinatorId":"7q5ke"}',
            Observation(
                status=HealthStatus.PENDING,
                reason="is starting",
                coordinator_id=CoordinatorId("7q5ke"),
                answered=True,
            ),
        ),
    ],
)
def test_a_trino_that_says_how_it_is_is_believed(body: bytes, observation: Observation) -> None:
    assert observed(Answer(200, {}, body)) == observation


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (508, b"", "leads back to this gateway"),
        (406, FORWARDED_OFF, "set http-server.process-forwarded=true in the cluster's config.properties"),
        (200, b"", "did not answer GET /v1/info with JSON"),
        (200, b"<html>Welcome</html>", "did not answer GET /v1/info with JSON"),
        (200, b"[" * 100_000, "did not answer GET /v1/info with JSON"),
        (200, b"\xff\xfe", "did not answer GET /v1/info with JSON"),
        (200, b"[]", "does not say whether it is starting"),
        (200, b"null", "does not say whether it is starting"),
        (200, b"{}", "does not say whether it is starting"),
        (200, b'{"starting":"false"}', "does not say whether it is starting"),
        (200, b'{"starting":false,"coordinator":false}', "is a Trino worker"),
        (204, b"", "answered 204 to GET /v1/info"),
        (303, b"", "answered 303 to GET /v1/info"),
        (401, TRINO_476, "answered 401 to GET /v1/info"),
        (404, b"", "answered 404 to GET /v1/info"),
        (500, TRINO_476, "answered 500 to GET /v1/info"),
    ],
)
def test_any_other_answer_is_unhealthy_in_words(status: int, body: bytes, words: str) -> None:
    observation = observed(Answer(status, {}, body))

    assert observation.status is HealthStatus.UNHEALTHY
    assert words in observation.reason
    assert observation.answered


class Coordinator:
    """Gives one answer after the other, and the last one from then on."""

    def __init__(self, answers: Sequence[bytes]) -> None:
        self._answers = list(answers)
        self.heads: list[bytes] = []
        self.url = ClusterUrl("")

    async def on_connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            self.heads.append(await reader.readuntil(b"\r\n\r\n"))
            writer.write(self._answers[min(len(self.heads), len(self._answers)) - 1])
            await writer.drain()
            await reader.read()  # holds the connection open: what is missing in the answer stays missing
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the monitor has hung up
        finally:
            writer.close()


@asynccontextmanager
async def coordinator(*answers: bytes) -> AsyncIterator[Coordinator]:
    made = Coordinator(answers)
    listening = await asyncio.start_server(made.on_connection, "127.0.0.1", 0)
    made.url = ClusterUrl(f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}")
    try:
        yield made
    finally:
        listening.close()


def answer(status: int, body: bytes = b"") -> bytes:
    return b"HTTP/1.1 %d Whatever\r\nContent-Length: %d\r\n\r\n" % (status, len(body)) + body


@pytest.fixture
async def client() -> AsyncIterator[HttpClient]:
    client = HttpClient(tls=None, connect_seconds=5)
    yield client
    await client.aclose()


def monitor(client: HttpClient, *, retries: int = 0, deadline_seconds: float = 5) -> InfoApi:
    forwarded = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "gateway.example"}
    return InfoApi(client, forwarded, retries=retries, deadline_seconds=deadline_seconds)


def blue(url: str) -> Cluster:
    return Cluster(
        name=ClusterName("blue"), proxy_to=ClusterUrl(url), external_url="", group=GroupName("adhoc"), active=True
    )


async def test_a_probe_asks_with_the_forwarded_headers_of_traffic(client: HttpClient) -> None:
    async with coordinator(answer(200, TRINO_476)) as trino:
        assert await monitor(client).check(blue(trino.url)) == HEALTHY

    lines = trino.heads[0].lower().split(b"\r\n")
    assert lines[0] == b"get /v1/info http/1.1"
    assert b"x-forwarded-proto: https" in lines
    assert b"x-forwarded-host: gateway.example" in lines


async def test_a_path_prefix_of_the_cluster_stands_before_the_path(client: HttpClient) -> None:
    async with coordinator(answer(200, TRINO_476)) as trino:
        assert await monitor(client).check(blue(f"{trino.url}/trino")) == HEALTHY
    assert trino.heads[0].startswith(b"GET /trino/v1/info ")


@pytest.mark.parametrize("passing", [502, 503, 504])
async def test_a_passing_trouble_is_asked_again_at_once(client: HttpClient, passing: int) -> None:
    async with coordinator(answer(passing), answer(passing), answer(200, TRINO_476)) as trino:
        assert await monitor(client, retries=2).check(blue(trino.url)) == HEALTHY
    assert len(trino.heads) == 3


@pytest.mark.parametrize(("retries", "asked"), [(0, 1), (1, 2)])
async def test_a_trouble_that_lasts_is_asked_no_more_than_the_setting_says(
    client: HttpClient, retries: int, asked: int
) -> None:
    async with coordinator(answer(503)) as trino:
        observation = await monitor(client, retries=retries).check(blue(trino.url))
    assert observation.reason == "answered 503 to GET /v1/info"
    assert len(trino.heads) == asked


async def test_what_cannot_pass_is_asked_once(client: HttpClient) -> None:
    async with coordinator(answer(500)) as trino:
        await monitor(client, retries=5).check(blue(trino.url))
    assert len(trino.heads) == 1


@pytest.mark.parametrize("front", [b"", b"HTTP/1.1 200", answer(200, TRINO_476)[:-1]])
async def test_a_cluster_that_hangs_has_not_answered(client: HttpClient, front: bytes) -> None:
    async with coordinator(front) as trino:
        observation = await monitor(client, retries=5, deadline_seconds=0.1).check(blue(trino.url))

    assert observation.status is HealthStatus.UNHEALTHY
    assert observation.reason == "connected, but did not answer in time"
    assert not observation.answered
    assert len(trino.heads) == 1


async def test_a_refused_connection_is_no_answer(client: HttpClient) -> None:
    with socket.socket() as bound:  # bound and not listening: nobody else can take the port meanwhile
        bound.bind(("127.0.0.1", 0))
        observation = await monitor(client).check(blue(f"http://127.0.0.1:{bound.getsockname()[1]}"))

    assert observation == Observation(status=HealthStatus.UNHEALTHY, reason="connection refused", answered=False)


@pytest.mark.parametrize(
    ("garbage", "words"),
    [
        (b"SSH-2.0-OpenSSH\r\n\r\n", "cannot be read as HTTP"),
        (answer(200, b'{"starting":false,"x":"' + b"x" * 2_000_000 + b'"}'), "more than 1048576 bytes"),
    ],
    ids=["not HTTP", "huge body"],
)
async def test_garbage_is_an_answer_of_a_kind_that_is_unhealthy(client: HttpClient, garbage: bytes, words: str) -> None:
    async with coordinator(garbage) as trino:
        observation = await monitor(client).check(blue(trino.url))

    assert observation.status is HealthStatus.UNHEALTHY
    assert words in observation.reason
    assert observation.answered


@pytest.mark.parametrize("url", ["", "nonsense", "http://", "http://127.0.0.1:99999", "http://[::1", "http://a b/"])
async def test_a_url_that_cannot_be_used_raises_nothing(client: HttpClient, url: str) -> None:
    observation = await monitor(client).check(blue(url))
    assert observation.status is HealthStatus.UNHEALTHY
    assert observation.reason


@pytest.mark.parametrize(
    ("written", "age"),
    [
        ("10.77m", 646.2),
        ("0.00s", 0.0),
        ("250.50ms", 0.2505),
        ("1.50d", 129_600.0),
        ("forever", None),
        ("-1s", None),
        ("9" * 400 + "s", None),
        (12, None),
        (None, None),
    ],
)
def test_the_age_of_a_coordinator_is_read(written: object, age: float | None) -> None:
    assert seconds(written) == (age if age is None else pytest.approx(age))
