"""Messages that many conversations use."""

from tests.wire.stage import Talker

GET = b"GET /v1/x HTTP/1.1\r\nHost: gw\r\n\r\n"
SENT_ON = (
    b"Host: blue:8080\r\nX-Forwarded-For: 127.0.0.1\r\nX-Forwarded-Proto: http\r\n"
    b"X-Forwarded-Host: gw\r\nX-Forwarded-Port: 80\r\nVia: 1.1 warren-1\r\n"
)
FORWARDED_GET = b"GET /v1/x HTTP/1.1\r\n" + SENT_ON + b"\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok"
LAST_OK = OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
"""As the client gets it when its connection is closed afterwards."""


def post(size: int, body: bytes = b"") -> bytes:
    return b"POST /v1/x HTTP/1.1\r\nHost: gw\r\nContent-Length: %d\r\n\r\n%b" % (size, body)


def forwarded_post(size: int, body: bytes = b"") -> bytes:
    return b"POST /v1/x HTTP/1.1\r\n" + SENT_ON + b"Content-Length: %d\r\n\r\n%b" % (size, body)


async def answered(client: Talker, cluster: Talker) -> None:
    """One more exchange on both connections works: neither was left in the middle of something."""
    await client.sends(GET)
    await cluster.gets(FORWARDED_GET)
    await cluster.sends(OK)
    await client.gets(OK)
