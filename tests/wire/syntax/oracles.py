"""What httptools and h11 make of a message: the judges of our short cuts."""

from dataclasses import dataclass

import h11
import httptools

Fields = list[tuple[bytes, bytes]]


@dataclass(frozen=True)
class Seen:
    """One message, as a parser reads it. Names are in lower case, values without blanks around them."""

    first_line: tuple[bytes, ...]
    fields: Fields
    content: bytes
    end: int | None
    """Where the message ends in the bytes that were given; None when more is to come."""
    framing_known: bool = True
    """False when this parser leaves HTTP here, so that its view of the body means nothing."""


def normal(fields: Fields) -> Fields:
    """What fields say, whoever read them. A transfer coding has no case (RFC 9112, 7); h11 writes it in small letters."""
    return sorted((name.lower(), value_of(name.lower(), value.strip(b" \t"))) for name, value in fields)


def value_of(name: bytes, value: bytes) -> bytes:
    return value.lower() if name == b"transfer-encoding" else value


class _Collected:
    def __init__(self) -> None:
        self.url = b""
        self.fields: Fields = []
        self.content = b""
        self.head_complete = False
        self.complete = False

    def on_url(self, url: bytes) -> None:
        self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self.fields.append((name, value))

    def on_headers_complete(self) -> None:
        self.head_complete = True

    def on_body(self, body: bytes) -> None:
        self.content += body

    def on_message_complete(self) -> None:
        self.complete = True


def _fed(parser: object, collected: _Collected, data: bytes) -> tuple[int | None, bool] | None:
    """Byte by byte, so that the end is known. None when it is refused."""
    for at in range(len(data)):
        try:
            parser.feed_data(data[at : at + 1])  # type: ignore[attr-defined]  # httptools has no types
        except httptools.HttpParserUpgrade:
            return at + 1, False
        except httptools.HttpParserError:
            return None
        if collected.complete:
            return at + 1, True
    return None if not collected.head_complete else (-1, True)


def request_by_httptools(data: bytes) -> Seen | None:
    """None when it is refused."""
    collected = _Collected()
    parser = httptools.HttpRequestParser(collected)
    fed = _fed(parser, collected, data)
    if fed is None:
        return None
    line = (parser.get_method(), collected.url, parser.get_http_version().encode())
    end = fed[0] if fed[0] != -1 else None
    return Seen(line, normal(collected.fields), collected.content, end, framing_known=fed[1])


def answer_by_httptools(data: bytes) -> Seen | None:
    collected = _Collected()
    parser = httptools.HttpResponseParser(collected)
    fed = _fed(parser, collected, data)
    if fed is None:
        return None
    line = (b"%d" % parser.get_status_code(), parser.get_http_version().encode())
    end = fed[0] if fed[0] != -1 else None
    return Seen(line, normal(collected.fields), collected.content, end, framing_known=fed[1])


def _rest(connection: h11.Connection, size: int) -> tuple[bytes, int | None]:
    """Raises h11.RemoteProtocolError."""
    content = b""
    while True:
        event = connection.next_event()
        if isinstance(event, h11.Data):
            content += bytes(event.data)
        elif isinstance(event, h11.EndOfMessage):
            return content, size - len(connection.trailing_data[0])
        else:
            return content, None


def request_by_h11(data: bytes) -> Seen | None:
    connection = h11.Connection(h11.SERVER, max_incomplete_event_size=1 << 20)
    try:
        connection.receive_data(data)
        request = connection.next_event()
        if not isinstance(request, h11.Request):
            return None
        content, end = _rest(connection, len(data))
    except h11.RemoteProtocolError:
        return None
    line = (request.method, request.target, request.http_version)
    return Seen(line, normal(list(request.headers)), content, end)


def answer_by_h11(data: bytes, method: bytes) -> Seen | None:
    connection = h11.Connection(h11.CLIENT, max_incomplete_event_size=1 << 20)
    connection.send(h11.Request(method=method, target=b"/", headers=[(b"Host", b"x")]))
    connection.send(h11.EndOfMessage())
    try:
        connection.receive_data(data)
        answer = connection.next_event()
        if isinstance(answer, h11.InformationalResponse):
            end = len(data) - len(connection.trailing_data[0])
            content = b""
        elif isinstance(answer, h11.Response):
            content, found = _rest(connection, len(data))
            return Seen((b"%d" % answer.status_code, answer.http_version), normal(list(answer.headers)), content, found)
        else:
            return None
    except h11.RemoteProtocolError:
        return None
    return Seen((b"%d" % answer.status_code, answer.http_version), normal(list(answer.headers)), content, end)
