"""Asks an external service which group shall take a request, and which headers it shall have on its way there."""

import re
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qs, unquote_to_bytes, urlsplit, urlunsplit

import orjson
import structlog

from warren.drivers.http import Answer
from warren.drivers.http_service import KeptHttpClient
from warren.errors import ClusterFellSilent, ClusterMisbehaved, ClusterUnreachable
from warren.facts import Facts, QueryProperties
from warren.model import GroupName
from warren.routing.words import shown
from warren.rulebook.breaker import Breaker
from warren.telemetry.few_lines import FewLines
from warren.telemetry.histogram import Histogram

log = structlog.get_logger()

AT_ONCE: Final = 256
"""Requests that may wait for the service at once; the next one is told at once that it cannot be asked."""

LONGEST_GROUP: Final = 255
"""Characters of a group's name, as the tables have room for them."""
MOST_HEADERS: Final = 100
LONGEST_NAME: Final = 256
LONGEST_VALUE: Final = 8 * 1024
"""Bytes of one header's value; all together may have LONGEST_HEADERS."""
LONGEST_HEADERS: Final = 32 * 1024

HOP_BY_HOP: Final = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-connection",
        "proxy-authenticate",
        "proxy-authorization",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "http2-settings",
    }
)
"""As in `wire`, which this room does not know; a test holds the two together."""
NOT_SENT: Final = HOP_BY_HOP | {
    "content-length",
    "content-type",
    "content-encoding",
    "accept-encoding",
    "expect",
    "host",
}
"""Of a client's fields: those that end at this hop, and those that are about the client's body and not about ours."""
NEVER_NAMED: Final = frozenset({"content-type", "authorization", "accept-encoding", "cookie"})
"""What `Connection` may list without effect, as on the way to the cluster."""
NOT_TAKEN: Final = HOP_BY_HOP | {"content-length", "expect", "host", "via", "forwarded"}
NOT_TAKEN_FRONTS: Final = ("proxy-", "x-forwarded-", "x-warren-")
"""What the service cannot set: framing, fields of one hop, and what tells the cluster whose request it is."""

_NO_ANSWER: Final = frozenset({502, 503, 504})
"""Statuses with which somebody before the service says that it is not there."""
_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_CONTROL: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f]")
_UNSENDABLE: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


class ServiceFailed(Exception):
    """The service's answer cannot be had, or not be used: one sentence says why. The caller goes by the group header."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceTerms:
    """How the service is to be asked."""

    url: str
    exclude_headers: frozenset[str]
    """In lower case: neither sent to the service nor taken from it."""
    propagate_errors: bool
    """The service's `errors` refuse the request. For the caller: here they are only handed on."""
    timeout_seconds: float


@dataclass(frozen=True, slots=True)
class ServiceAnswer:
    """What the service wants."""

    group: GroupName | None
    """None: the default group."""
    headers: tuple[tuple[bytes, bytes], ...]
    """To be set on the request towards the cluster, in place of those of the same name in any spelling."""
    errors: tuple[str, ...]


@dataclass(slots=True)
class ServiceCounts:
    """Each request that asks is answered, failed or refused by the breaker, unless its client leaves meanwhile."""

    asked: int = 0
    answered: int = 0
    failed: int = 0
    refused_by_breaker: int = 0
    headers_left_out: int = 0


class RulesService:
    """One service. It is asked anew with each request; whatever it does, no request waits longer for it than its time."""

    def __init__(self, client: KeptHttpClient, terms: ServiceTerms, *, clock: Callable[[], float]) -> None:
        """`clock` tells monotonic seconds."""
        self.terms = terms
        self.counts = ServiceCounts()
        self.seconds = Histogram()
        """How long calls took, with and without an answer."""
        self._client = client
        self._clock = clock
        self._breaker = Breaker(clock)
        self._url, self._authorization = _without_user_info(terms.url)
        self._shown = urlunsplit(urlsplit(self._url)._replace(query="", fragment=""))
        self._under_way = 0
        self._lines = FewLines(clock)
        self._failing_since: float | None = None
        self._last_error = ""

    async def ask(self, facts: Facts, pairs: Sequence[tuple[bytes, bytes]]) -> ServiceAnswer:
        """What the service says of this request; `pairs` are its header fields as they came. Raises ServiceFailed."""
        self.counts.asked += 1
        if self._under_way >= AT_ONCE:
            self._has_failed(full := f"{AT_ONCE} requests wait for the rules service already")
            raise ServiceFailed(full)
        is_trial = self._breaker.is_open
        if not self._breaker.lets_through():
            self.counts.refused_by_breaker += 1
            raise ServiceFailed(
                f"the rules service is left alone for a moment, because it failed: {self._breaker.error}"
            )
        self._under_way += 1
        try:
            answer, left_out = await self._call(facts, pairs, is_trial=is_trial)
        except ServiceFailed as failure:
            self._has_failed(str(failure))
            raise
        finally:
            self._under_way -= 1
            if is_trial:
                self._breaker.tried()
        self._has_answered(left_out)
        return answer

    @property
    def is_left_alone(self) -> bool:
        """It failed a moment ago, and few requests ask it until it answers."""
        return self._breaker.is_open

    def state(self) -> Mapping[str, object]:
        """How it does, for people."""
        return {
            "url": self._shown,
            "breaker": "open" if self._breaker.is_open else "closed",
            "failing": self._failing_since is not None,
            "lastError": self._last_error,
        }

    async def _call(
        self, facts: Facts, pairs: Sequence[tuple[bytes, bytes]], *, is_trial: bool
    ) -> tuple[ServiceAnswer, tuple[str, ...]]:
        headers = request_headers(pairs, self.terms.exclude_headers, self._authorization)
        body = request_body(facts)
        begun = self._clock()
        try:
            answer = await self._client.post(self._url, headers, body, deadline_seconds=self.terms.timeout_seconds)
        except (ClusterUnreachable, ClusterFellSilent, ClusterMisbehaved) as error:
            self.seconds.observe(self._clock() - begun)
            self._breaker.failed(str(error), at_once=isinstance(error, ClusterUnreachable), is_trial=is_trial)
            raise ServiceFailed(f"the rules service cannot be asked: {error}") from error
        self.seconds.observe(self._clock() - begun)
        # Any other status is about the one request: its client must not close the service to everybody.
        if answer.status in _NO_ANSWER:
            self._breaker.failed(f"it answered {answer.status}", at_once=False, is_trial=is_trial)
        else:
            self._breaker.answered(is_trial=is_trial)
        return read_answer(answer, self.terms.exclude_headers)

    def _has_failed(self, error: str) -> None:
        self.counts.failed += 1
        self._last_error = error
        if self._failing_since is None:
            self._failing_since = self._clock()
            if (more := self._lines.one_more()) is not None:
                log.warning("rules_service_failing", service=self._shown, because=error, **more)

    def _has_answered(self, left_out: tuple[str, ...]) -> None:
        self.counts.answered += 1
        if self._failing_since is not None:
            seconds, self._failing_since = self._clock() - self._failing_since, None
            if (more := self._lines.one_more()) is not None:
                log.info("rules_service_back", service=self._shown, seconds=round(seconds, 1), **more)
        if left_out and not self.counts.headers_left_out:
            log.warning("rules_service_headers_left_out", service=self._shown, headers=", ".join(left_out))
        self.counts.headers_left_out += len(left_out)


# --- what it is asked


def request_headers(
    pairs: Sequence[tuple[bytes, bytes]], excluded: frozenset[str], authorization: str | None
) -> list[tuple[str, str]]:
    """The client's header fields, as the service gets them. `authorization` takes the place of the client's own."""
    fields = [(name.decode("latin-1"), value.decode("utf-8", "replace")) for name, value in pairs]
    named = {
        option.strip().lower() for name, value in fields if name.lower() == "connection" for option in value.split(",")
    }
    dropped = NOT_SENT | excluded | (named - NEVER_NAMED)
    if authorization is not None:
        dropped |= {"authorization"}
    sent = [("Content-Type", "application/json; charset=utf-8")]
    # A client's connection lets no other names and values in; one would be taken for a failure of the service.
    sent.extend(
        (name, value)
        for name, value in fields
        if name.lower() not in dropped and _TOKEN.fullmatch(name) and not _UNSENDABLE.search(value)
    )
    if authorization is not None:
        sent.append(("Authorization", authorization))
    return sent


def request_body(facts: Facts) -> bytes:
    """The question, as upstream writes it: what is not known is absent. Raises ServiceFailed when it cannot be written."""
    request, user = facts.request, facts.user
    asked: dict[str, Any] = {}
    if facts.query is not None:
        asked["trinoQueryProperties"] = query_properties_json(facts.query)
    asked |= {
        "contentType": "application/json",
        "method": request.method,
        "requestURI": request.path,
        "queryString": request.query,
        "remoteAddr": request.remote_address,
        "remoteHost": request.remote_address,
        "parameters": parse_qs(request.query or "", keep_blank_values=True),
    }
    try:
        if facts.query is not None:
            info = None if user.user_info is None else orjson.dumps(dict(user.user_info), option=orjson.OPT_SORT_KEYS)
            asked["trinoRequestUser"] = _known(
                {"user": user.user, "userInfo": info.decode() if info is not None else None}
            )
        return orjson.dumps(_known(asked))
    except orjson.JSONEncodeError as error:
        raise ServiceFailed(f"the request cannot be told to the rules service: {error}") from error


def query_properties_json(query: QueryProperties) -> dict[str, Any]:
    """As upstream writes its TrinoQueryProperties; sets in alphabetical order. The query id is not part of it."""
    return _known(
        {
            "body": query.body,
            "queryType": query.query_type,
            "resourceGroupQueryType": query.resource_group_query_type,
            "tables": sorted(".".join(table) for table in query.tables),
            "defaultCatalog": query.default_catalog,
            "defaultSchema": query.default_schema,
            "catalogs": sorted(query.catalogs),
            "schemas": sorted(query.schemas),
            "catalogSchemas": sorted(query.catalog_schemas),
            "isNewQuerySubmission": query.is_new_query_submission,
            "isQueryParsingSuccessful": query.is_query_parsing_successful,
            "errorMessage": query.error_message,
        }
    )


def _known(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def _without_user_info(url: str) -> tuple[str, str | None]:
    """The URL, and what `Authorization` says in place of the user info in it."""
    parts = urlsplit(url)
    user_info, at, host = parts.netloc.rpartition("@")
    if not at:
        return url, None
    return urlunsplit(parts._replace(netloc=host)), f"Basic {b64encode(unquote_to_bytes(user_info)).decode()}"


# --- what it answers


def read_answer(answer: Answer, excluded: frozenset[str]) -> tuple[ServiceAnswer, tuple[str, ...]]:
    """What the service wants, and the names of headers that it may not set. Raises ServiceFailed."""
    if answer.status != 200:
        raise ServiceFailed(f"the rules service answered {answer.status} instead of 200")
    try:
        said = orjson.loads(answer.body)
    except orjson.JSONDecodeError as error:
        raise ServiceFailed("the rules service answered with a body that is not JSON") from error
    if not isinstance(said, dict):
        raise ServiceFailed("the rules service answered with JSON that is not an object")
    group, errors, headers = said.get("routingGroup"), said.get("errors"), said.get("externalHeaders")
    if group is not None and not isinstance(group, str):
        raise ServiceFailed("the rules service answered with a routingGroup that is not a text")
    if group is not None and len(group) > LONGEST_GROUP:
        raise ServiceFailed(f"the rules service answered with a routingGroup of more than {LONGEST_GROUP} characters")
    if errors is not None and not (isinstance(errors, list) and all(isinstance(each, str) for each in errors)):
        raise ServiceFailed("the rules service answered with errors that are not a list of texts")
    if headers is not None and not isinstance(headers, dict):
        raise ServiceFailed("the rules service answered with externalHeaders that are not an object")
    pairs, left_out = _headers_wanted(headers or {}, excluded)
    name = (group or "").strip()
    return ServiceAnswer(GroupName(name) if name else None, pairs, tuple(errors or ())), left_out


def _headers_wanted(
    headers: Mapping[str, object], excluded: frozenset[str]
) -> tuple[tuple[tuple[bytes, bytes], ...], tuple[str, ...]]:
    if len(headers) > MOST_HEADERS:
        raise ServiceFailed(f"the rules service wants more than {MOST_HEADERS} headers")
    wanted: dict[str, tuple[bytes, bytes]] = {}
    left_out: list[str] = []
    for name, value in headers.items():
        key = name.lower()
        if value is None or key in excluded:
            continue
        pair = _checked(name, value)
        if key in NOT_TAKEN or key.startswith(NOT_TAKEN_FRONTS):
            left_out.append(name)
        else:
            wanted[key] = pair
    if sum(len(name) + len(value) for name, value in wanted.values()) > LONGEST_HEADERS:
        raise ServiceFailed(f"the rules service wants headers of more than {LONGEST_HEADERS} bytes together")
    return tuple(wanted.values()), tuple(left_out)


def _checked(name: str, value: object) -> tuple[bytes, bytes]:
    if not _TOKEN.fullmatch(name) or len(name) > LONGEST_NAME:
        raise ServiceFailed(f"the rules service wants a header {shown(name)}, which is not a header's name")
    if not isinstance(value, str):
        raise ServiceFailed(f"the rules service wants a header {shown(name)} whose value is not a text")
    if _CONTROL.search(value):
        raise ServiceFailed(f"the rules service wants a header {shown(name)} with a control character in its value")
    encoded = value.strip(" \t").encode()
    if len(encoded) > LONGEST_VALUE:
        raise ServiceFailed(f"the rules service wants a header {shown(name)} of more than {LONGEST_VALUE} bytes")
    return name.encode("ascii"), encoded
