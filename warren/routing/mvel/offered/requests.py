"""Methods of what rules look at: the request, who asks, and what its SQL says."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qsl

from warren.facts import QueryProperties, RequestFacts, RequestUser
from warren.routing.mvel.errors import RuleFailed
from warren.routing.mvel.offered.method import method, table
from warren.routing.mvel.offered.values import HashSet, Optional, Table

DEFAULT_PORTS: Final = {"http": 80, "https": 443}
MOST_PARAMETERS: Final = 1_000
CHARSET: Final = re.compile(r';\s*charset\s*=\s*"?([^\s;"]+)', re.IGNORECASE)
PART: Final = re.compile(r'"((?:[^"\\]|\\.)*)"|([^".]*)', re.DOTALL)


@dataclass(frozen=True, slots=True)
class Cookie:
    name: str
    value: str


def _headers(request: RequestFacts, name: str) -> list[str]:
    return list(request.headers.get(name.lower(), ()))


def _integer_header(request: RequestFacts, name: str) -> int:
    value = request.header(name)
    if value is None:
        return -1
    if not re.fullmatch(r"[+-]?[0-9]{1,9}", value):
        raise RuleFailed(f"the header {name[:100]} is not an integer")
    return int(value)


def _content_length(request: RequestFacts) -> int:
    value = request.header("content-length")
    return int(value) if value is not None and re.fullmatch(r"[0-9]{1,18}", value) else -1


def _charset(request: RequestFacts) -> str | None:
    found = CHARSET.search(request.header("content-type") or "")
    return found[1] if found else None


def _cookies(request: RequestFacts) -> tuple[Cookie, ...] | None:
    """None when there are none, as the servlet API has it."""
    found: list[Cookie] = []
    for line in request.headers.get("cookie", ()):
        for pair in line.split(";"):
            name, sign, value = pair.strip().partition("=")
            if sign and name:
                quoted = len(value) > 1 and value[0] == value[-1] == '"'
                found.append(Cookie(name.strip(), value[1:-1] if quoted else value))
    return tuple(found) or None


def _url(request: RequestFacts) -> str:
    host = f"[{request.host}]" if ":" in request.host and not request.host.startswith("[") else request.host
    usual = not request.port or DEFAULT_PORTS.get(request.scheme) == request.port
    return f"{request.scheme}://{host}{'' if usual else f':{request.port}'}{request.path}"


def _parameters(request: RequestFacts) -> dict[str, tuple[str, ...]]:
    """Of the query string; the body is a statement, never a form."""
    try:
        pairs = parse_qsl(request.query or "", keep_blank_values=True, max_num_fields=MOST_PARAMETERS)
    except ValueError:
        raise RuleFailed(f"the query string has more than {MOST_PARAMETERS} parameters") from None
    found: dict[str, tuple[str, ...]] = {}
    for name, value in pairs:
        found[name] = (*found.get(name, ()), value)
    return found


def _parameter(request: RequestFacts, name: str) -> str | None:
    values = _parameters(request).get(name)
    return values[0] if values else None


REQUEST: Final = table(
    method("getAuthType", lambda request: None, "", "String"),
    method("getCharacterEncoding", _charset, "", "String"),
    method("getContentLength", _content_length, "", "int"),
    method("getContentLengthLong", _content_length, "", "int"),
    method("getContentType", lambda request: request.header("content-type"), "", "String"),
    method("getCookies", _cookies, "", "Array"),
    method("getHeader", RequestFacts.header, "text", "String"),
    method("getHeaderNames", lambda request: list(request.headers), "", "List"),
    method("getHeaders", _headers, "text", "List"),
    method("getIntHeader", _integer_header, "text", "int"),
    method("getMethod", lambda request: request.method, "", "String"),
    method("getParameter", _parameter, "text", "String"),
    method("getParameterMap", _parameters, "", "Map"),
    method("getParameterNames", lambda request: list(_parameters(request)), "", "List"),
    method("getParameterValues", lambda request, name: _parameters(request).get(name), "text", "Array"),
    method("getProtocol", lambda request: "HTTP/1.1", "", "String"),
    method("getQueryString", lambda request: request.query, "", "String"),
    method("getRemoteAddr", lambda request: request.remote_address, "", "String"),
    method("getRemoteHost", lambda request: request.remote_address, "", "String"),
    method("getRemoteUser", lambda request: None, "", "String"),
    method("getRequestURI", lambda request: request.path, "", "String"),
    method("getRequestURL", _url, "", "String"),
    method("getScheme", lambda request: request.scheme, "", "String"),
    method("getServerName", lambda request: request.host, "", "String"),
    method("getServerPort", lambda request: request.port, "", "int"),
    method("getUserPrincipal", lambda request: None),
    method("isSecure", lambda request: request.scheme == "https", "", "boolean"),
)
COOKIE: Final = table(
    method("getName", lambda cookie: cookie.name, "", "String"),
    method("getValue", lambda cookie: cookie.value, "", "String"),
)


@dataclass(frozen=True, slots=True)
class UserInfo:
    """What the UserInfo endpoint said; rules read it and cannot change it."""

    claims: Mapping[str, Any]


def _copied(value: Any) -> Any:
    """JSON as rules may have it: never the object that other requests see as well."""
    if isinstance(value, Mapping):
        return {str(name): _copied(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_copied(inner) for inner in value]
    return value if isinstance(value, str | int | float | None) else str(value)


def _claim(info: UserInfo, name: str) -> Any:
    return _copied(info.claims.get(name))


def _text_claim(info: UserInfo, name: str) -> str | None:
    value = info.claims.get(name)
    return value if isinstance(value, str) else None


USER_INFO: Final = table(
    method("containsKey", lambda info, name: name in info.claims, "text", "boolean"),
    method("get", _claim, "text"),
    method("getClaim", _claim, "text"),
    method("getEmailAddress", lambda info: _text_claim(info, "email"), "", "String"),
    method("getName", lambda info: _text_claim(info, "name"), "", "String"),
    method("getPreferredUsername", lambda info: _text_claim(info, "preferred_username"), "", "String"),
    method("getStringClaim", _text_claim, "text", "String"),
    method("getSubject", lambda info: _text_claim(info, "sub"), "", "String"),
)


def _user_info(user: RequestUser) -> Optional:
    return Optional(None if user.user_info is None else UserInfo(user.user_info))


USER: Final = table(
    method("getUser", lambda user: Optional(user.user), "", "Optional"),
    method("getUserInfo", _user_info, "", "Optional"),
    method("userExistsAndEquals", lambda user, name: user.user == name, "text", "boolean"),
)


def table_names(text: str) -> frozenset[tuple[str, ...]]:
    """The ways to understand a table's name; none when a quote is out of place.

    Upstream keeps the backslash before a quote inside quotes, which then is part of the name. Its users wrote rules
    for that, others mean the quote alone.
    """
    parts: list[str] = []
    at = 0
    while True:
        found = PART.match(text, at)
        if found is None or (found.end() < len(text) and text[found.end()] != "."):
            return frozenset()
        parts.append((found[1] if found[1] is not None else found[2]).lower())
        if found.end() == len(text):
            break
        at = found.end() + 1
    return frozenset({tuple(parts), tuple(part.replace('\\"', '"') for part in parts)})


def has_table(query: QueryProperties, text: str) -> bool:
    return not query.tables.isdisjoint(table_names(text))


def _tables(query: QueryProperties) -> HashSet:
    return HashSet(map(Table.of, sorted(query.tables)), fixed=True)


def present(query: QueryProperties | None) -> QueryProperties:
    if query is None:
        raise RuleFailed("there is no trinoQueryProperties: statements are not analysed (analyzeRequest)")
    return query


QUERY: Final = table(
    method("errorMessage", lambda query: Optional(query.error_message), "", "Optional"),
    method("getBody", lambda query: query.body, "", "String"),
    method("getCatalogs", lambda query: query.catalogs, "", "Set"),
    method("getCatalogSchemas", lambda query: query.catalog_schemas, "", "Set"),
    method("getDefaultCatalog", lambda query: Optional(query.default_catalog), "", "Optional"),
    method("getDefaultSchema", lambda query: Optional(query.default_schema), "", "Optional"),
    method("getErrorMessage", lambda query: Optional(query.error_message), "", "Optional"),
    method("getQueryId", lambda query: Optional(query.query_id), "", "Optional"),
    method("getQueryType", lambda query: query.query_type, "", "String"),
    method("getResourceGroupQueryType", lambda query: query.resource_group_query_type, "", "String"),
    method("getSchemas", lambda query: query.schemas, "", "Set"),
    method("getTables", _tables, "", "Set"),
    method("isNewQuerySubmission", lambda query: query.is_new_query_submission, "", "boolean"),
    method("isQueryParsingSuccessful", lambda query: query.is_query_parsing_successful, "", "boolean"),
    method("tablesContains", has_table, "text", "boolean"),
)
