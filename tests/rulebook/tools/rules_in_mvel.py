"""Conditions in MVEL as people write them, and requests, both drawn by chance."""

import re
from collections.abc import Mapping, Sequence

from hypothesis import strategies as st

from warren.facts import BEGINNING, Facts, QueryProperties, RequestFacts, RequestUser
from warren.protocol.headers import text as text_of_header
from warren.protocol.identity import user_of
from warren.protocol.sql.statement import statement_properties

HEADERS = ("X-Trino-Source", "X-Trino-Client-Tags", "X-Trino-Catalog", "X-Trino-Schema", "X-Team", "Content-Type")
TEXTS = (
    *(
        "airflow",
        "AirFlow",
        "superset",
        "Superſet",
        "label=special",
        "email=a@b.c,label=special",
        "hive",
        "Hive",
        "lake",
    ),
    *("a", "i", "İ", "\u212a", "ß", "tpch.tiny", ".*", "[x]", "(", "a.b", "\x85", "x\xa0", "", "5", "true", "null"),
)
STATEMENTS = (
    "SELECT 1",
    "SELECT * FROM lake.web.clicks",
    'SELECT * FROM hive."we""b".t JOIN lake.web.clicks ON true',
    "INSERT INTO lake.web.clicks SELECT * FROM t",
    "CREATE TABLE lake.web.copy AS SELECT 1",
    "CREATE TABLE lake.web.fresh (a int)",
    'SELECT * FROM "".a.b',
    "SHOW SCHEMAS FROM lake",
    "EXPLAIN ANALYZE SELECT * FROM a.b.c",
    "EXECUTE nobody",
    "SELEC 1",
    "",
)
NAMES = ("lake", "hive", "web", "lake.web", "hive.web", "Lake", "a", "lake.web.clicks", "")
TYPES = (
    "Query",
    "query",
    "Insert",
    "insert",
    "INSERT",
    "Create",
    "CreateTable",
    "Show",
    "SELECT",
    "DATA_DEFINITION",
    "none",
    "",
)
TABLES = ("lake.web.clicks", "LAKE.web.Clicks", 'hive.\\"we\\\\\\"b\\".t', "lake.web", "a.b.c", 'a.\\"b.c\\".d', "a..c")
PATTERNS = (".*", "air.*", "(?i)airflow", "^$", "", "label=.*|x", "[a-z]+")


def quoted(text: str) -> str:
    return '"' + re.sub(r'["\\]', r"\\\g<0>", text) + '"'


def facts(
    headers: Mapping[str, Sequence[str]], sql: str | None = None, *, method: str = "POST", path: str = "/v1/statement"
) -> Facts:
    """Of a request, as the gateway has them."""
    fields = {name.lower().encode(): [value.encode() for value in values] for name, values in headers.items()}
    query = QueryProperties(
        default_catalog=text_of_header(fields, b"x-trino-catalog"),
        default_schema=text_of_header(fields, b"x-trino-schema"),
    )
    if sql is not None:
        reading = statement_properties(sql.encode(), fields)
        while True:
            try:
                next(reading)
            except StopIteration as ended:
                query = ended.value
                break
    head = RequestFacts(
        method=method,
        path=path,
        headers={name.lower(): tuple(values) for name, values in headers.items()},
        remote_address="10.0.0.7",
    )
    return Facts(
        request=head, user=RequestUser(user=user_of(fields, claim="email") or None), query=query, now=BEGINNING
    )


_values = st.sampled_from(TEXTS).map(lambda text: [text])
_names = st.sampled_from(TEXTS).map(lambda text: [text.strip()])
"""Of catalogs and schemas: blanks beyond ASCII around them are cut off by the analysis, and by Trino they are not."""

requests = st.builds(
    facts,
    st.fixed_dictionaries(
        {},
        optional={
            name: _names if name in {"X-Trino-Catalog", "X-Trino-Schema"} else _values
            for name in (*HEADERS, "X-Trino-User")
        },
    ),
    st.one_of(st.none(), st.sampled_from(STATEMENTS)),
    method=st.sampled_from(("POST", "GET")),
    path=st.sampled_from(("/v1/statement", "/ui/", "/v1/info")),
)

_text = st.sampled_from(TEXTS).map(quoted)
_header = st.sampled_from((*HEADERS, "x-trino-source")).map(lambda name: f'request.getHeader("{name}")')
_string = st.one_of(
    _header,
    _header,
    _header,
    st.sampled_from(("request.getMethod()", "request.requestURI", "request.remoteAddr")),
    _header.map(lambda header: f"{header}.toLowerCase()"),
    st.sampled_from(("trinoQueryProperties.getQueryType()", "trinoQueryProperties.getResourceGroupQueryType")),
    st.just("trinoQueryProperties.getQueryType().toLowerCase"),
)
_type = st.sampled_from(("trinoQueryProperties.getQueryType()", "trinoQueryProperties.resourceGroupQueryType"))
_set = st.sampled_from(("getCatalogs()", "getSchemas", "getCatalogSchemas()", "tables")).map(
    "trinoQueryProperties.{}".format
)
_optional = st.sampled_from(
    ("trinoRequestUser.getUser()", "trinoQueryProperties.getDefaultCatalog()", "trinoQueryProperties.defaultSchema")
)
_list = st.lists(_text, min_size=1, max_size=3).map(", ".join)
_texts_or_paths = st.one_of(_text, st.sampled_from(('"POST"', '"/ui/"', '"/v1/"', '"10.0.0.7"')))


def _of(pattern: str, *parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.tuples(*parts).map(lambda values: pattern.format(*values))


_way = st.sampled_from(("equals", "equalsIgnoreCase", "startsWith", "endsWith", "contains"))
tests = st.one_of(
    _of("{} {} {}", _string, st.sampled_from(("==", "!=", "contains")), _texts_or_paths),
    _of("{} == {}", _text, _string),
    _of("{}.{}({})", _string, _way, _texts_or_paths),
    _of("{}.matches({})", _string, st.sampled_from(PATTERNS).map(quoted)),
    _of("{} ~= {}", _string, st.sampled_from(PATTERNS).map(quoted)),
    _of("{} {} {}", _header, st.sampled_from(("==", "!=")), st.sampled_from(("null", "empty"))),
    _of("null != {}", _header),
    _of("{}.{}", _header, st.sampled_from(("isEmpty()", "isEmpty", "isBlank()"))),
    _of("{}.{}({})", _text, st.sampled_from(("equals", "equalsIgnoreCase")), _string),
    _of("{}.{}({})", _type, _way, st.sampled_from(TYPES).map(quoted)),
    _of("{} {} {}", _type, st.sampled_from(("==", "!=", "contains")), st.sampled_from(TYPES).map(quoted)),
    _of("[{}].contains({})", _list, _string),
    _of("{} in [{}]", _string, _list),
    _of(
        "List.of({}).contains({})",
        st.lists(st.sampled_from(TYPES).map(quoted), min_size=1, max_size=3).map(", ".join),
        _type,
    ),
    _of("{}.contains({})", _set, st.sampled_from(NAMES).map(quoted)),
    _of("{} contains {}", _set, st.sampled_from(NAMES).map(quoted)),
    _of("{}{}", _set, st.sampled_from((".isEmpty()", " == empty", " != empty"))),
    st.sampled_from(TABLES).map('trinoQueryProperties.tablesContains("{}")'.format),
    _of("trinoRequestUser.userExistsAndEquals({})", _text),
    _of("{}.equals(java.util.Optional.of({}))", _optional, _text),
    _of("{} == Optional.of({})", _optional, _text),
    _of("{}.{}", _optional, st.sampled_from(("isPresent()", "isEmpty()", "present"))),
    _of('{}.orElse("") {} {}', _optional, st.sampled_from(("==", "!=")), _text),
    _of("{}.get() == {}", _optional, _text),
    _of("{}.get().equals({})", _optional, _text),
    st.sampled_from(("true", "false", "trinoQueryProperties.isNewQuerySubmission()", 'state.get("x") == null')),
)
_guarded = _header.flatmap(lambda header: _of(f"{header} != null && {header}.{{}}({{}})", _way, _text))
_empty = _header.map(lambda header: f"{header} == null || {header}.isEmpty()")
conditions = st.recursive(
    st.one_of(tests, tests, _guarded, _empty),
    lambda inner: st.one_of(
        _of("({}) && ({})", inner, inner),
        _of("({}) || ({})", inner, inner),
        _of("!({})", inner),
        _of("({}) == {}", inner, st.sampled_from(("true", "false"))),
    ),
    max_leaves=6,
)
