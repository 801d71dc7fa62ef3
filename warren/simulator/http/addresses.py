"""The address that the coordinator puts into its answers: its own, or the one that forwarded headers name."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

_HOST = re.compile(r"(?:[A-Za-z0-9._~-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?")
_WITH_PORT = re.compile(r"(?P<host>.*?)(?::(?P<port>\d+))?")
_PARAMETER = re.compile(r'\s*(\w+)\s*=\s*(?:"([^"]*)"|([^;,"]*))')
DEFAULT_PORTS = {"http": "80", "https": "443"}


@dataclass(frozen=True, slots=True)
class Base:
    """What stands before every path in an answer's URLs."""

    scheme: str
    host: str
    """With its port, when one is shown."""
    prefix: str = ""

    def url(self, path: str) -> str:
        return f"{self.scheme}://{self.host}{self.prefix}{path}"


@dataclass(frozen=True, slots=True)
class Refusal:
    """The server would not even look at the request."""

    status: int
    reason: str


def base(headers: Mapping[str, str], *, host: str, port: int, process_forwarded: bool) -> Base | Refusal:
    """The base of this request's URLs, or why it is refused: spec of the real server, seen on 476.

    `headers` are case-insensitive; `host` is the request's Host, `port` the one listened on.
    """
    if not process_forwarded:
        for name in headers:
            if name.lower().startswith("x-forwarded-"):
                title = "-".join(part.capitalize() for part in name.split("-"))
                message = f"Server configuration does not allow processing of the {title} header"
                return Refusal(406, message)
        return Base("http", host)
    return _forwarded(headers, host=host, port=port)


def _first(headers: Mapping[str, str], name: str) -> str:
    return headers.get(name, "").split(",", 1)[0].strip()


def _forwarded(headers: Mapping[str, str], *, host: str, port: int) -> Base | Refusal:
    scheme, shown_port = "http", ""
    if "Forwarded" in headers:
        named = {name.lower(): quoted or bare for name, quoted, bare in _PARAMETER.findall(headers["Forwarded"])}
        scheme = named.get("proto") or scheme
        if named.get("host"):
            host = named["host"] if ":" in named["host"] else f"{named['host']}:{port}"
    scheme = _first(headers, "X-Forwarded-Proto") or scheme
    if given := _first(headers, "X-Forwarded-Host"):
        if not _HOST.fullmatch(given):
            return Refusal(400, "Bad header value for X-Forwarded-Host")
        host, shown_port = given, given
    if named_port := _first(headers, "X-Forwarded-Port"):
        if not named_port.isdigit() or not 0 < int(named_port) < 65536:
            return Refusal(400, "Bad header value for X-Forwarded-Port")
        parts = _WITH_PORT.fullmatch(host)
        if parts and not (shown_port and parts["port"]):
            host = f"{parts['host']}:{named_port}"
    prefix = headers.get("X-Forwarded-Prefix", "").strip().rstrip("/")
    if prefix and not prefix.startswith("/"):
        prefix = f"/{prefix}"
    parts = _WITH_PORT.fullmatch(host)
    if parts and parts["port"] == DEFAULT_PORTS.get(scheme):
        host = parts["host"]
    return Base(scheme, host, prefix)
