"""The requests that a bench sends and the fixed answers that it gets: shaped as Trino's, the same bytes for everybody."""

from typing import Final

COORDINATOR_ID: Final = "7q5ke"
QUERY_ID: Final = f"20261122_111727_00001_{COORDINATOR_ID}"
"""The query that is polled."""

_SLUG: Final = "ybd0e2b32be2b1213d3c6052ebefb4b523286a895"
INFO: Final = "/v1/info"
STATEMENT: Final = "/v1/statement"
PAGES: Final = f"{STATEMENT}/executing/"
POLL: Final = f"{PAGES}{QUERY_ID}/{_SLUG}/1"
LARGE: Final = f"{PAGES}{QUERY_ID}/{_SLUG}/2"
"""Its answer has LARGE_BYTES."""
STREAM: Final = f"{PAGES}{QUERY_ID}/{_SLUG}/3"
"""Its answer has as many bytes as the plan says."""

LARGE_BYTES: Final = 1024 * 1024
PAGE_BYTES: Final = 648
"""A page of a query that is still queued, as a real coordinator writes it."""

HEADERS: Final = (
    ("User-Agent", "trino-cli/476"),
    ("X-Trino-User", "alice"),
    ("X-Trino-Source", "trino-cli"),
    ("X-Trino-Catalog", "tpch"),
    ("X-Trino-Schema", "tiny"),
    ("X-Trino-Time-Zone", "UTC"),
    ("X-Trino-Language", "en"),
    ("X-Trino-Client-Capabilities", "PATH,PARAMETRIC_DATETIME,SESSION_AUTHORIZATION"),
)
"""What a client says with every request."""

SQL: Final = "SELECT name, regionkey FROM tpch.tiny.nation ORDER BY name LIMIT 5"

CLIENT_INFO: Final = "X-Trino-Client-Info"
PLEASE_KNOWN: Final = "give me the query that is polled"
"""A statement with this client info gets QUERY_ID, so that a gateway learns of it in the ordinary way; others get new ids."""

ANSWER_HEADERS: Final = (("X-Content-Type-Options", "nosniff"), ("Vary", "Accept-Encoding"))
"""Beside type and length."""

INFO_BODY: Final = (
    '{"nodeVersion":{"version":"481"},"environment":"bench","coordinator":true,'
    f'"coordinatorId":"{COORDINATOR_ID}","starting":false,"uptime":"1.02m"}}'
)


_FRONT: Final = '{"id":"'
_MIDDLE: Final = (
    f'","infoUri":"http://127.0.0.1/ui/query.html?{QUERY_ID}","nextUri":"http://127.0.0.1{POLL}",'
    '"stats":{"state":"QUEUED","queued":true,"scheduled":false,"nodes":0,"totalSplits":0},"warnings":["'
)
_BACK: Final = '"]}'
_PADDING: Final = "." * (PAGE_BYTES - len(_FRONT) - len(QUERY_ID) - len(_MIDDLE) - len(_BACK))


def page(query_id: str) -> str:
    """A page about the query: PAGE_BYTES long for an id as long as Trino's."""
    return f"{_FRONT}{query_id}{_MIDDLE}{_PADDING}{_BACK}"
