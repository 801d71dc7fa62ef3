"""What a part of an expression asks about."""

import pytest

from warren.routing.mvel.shapes import parse_condition
from warren.rulebook.tools.asked import Asked, asked


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('request.getHeader("X-TRINO-Source")', Asked("header", "source")),
        ('request.getHeader("X-Team")', Asked("header", "X-Team", is_header=True)),
        ('request.getHeader("X-Team").toLowerCase', Asked("header", "X-Team", is_header=True, lowered=True)),
        ("request.contentType", Asked("header", "Content-Type", is_header=True)),
        ("request.getMethod", Asked("text", "method")),
        ("request.requestURI", Asked("text", "path")),
        ("trinoQueryProperties.queryType.toString()", Asked("type", "queryType")),
        ("trinoQueryProperties.tables", Asked("names", "tables")),
        ("trinoQueryProperties.getDefaultCatalog()", Asked("optional", "sessionCatalog")),
        ("trinoRequestUser.getUser().get()", Asked("got", "user")),
        ('trinoRequestUser.user.orElse("x")', Asked("got", "user", otherwise="x")),
    ],
)
def test_what_plain_rules_know_is_found(text: str, found: Asked) -> None:
    assert asked(parse_condition(text)) == found


@pytest.mark.parametrize(
    "text",
    [
        "request",
        '"text"',
        "request.getHeader(name)",
        'request.?getHeader("X")',
        'request.getHeaders("X")',
        'request.getHeader("X").trim()',
        'request.getHeader("X").toLowerCase().trim()',
        'request.getHeader("X").?length',
        'state.get("x")',
        "trinoQueryProperties.getBody()",
        "trinoQueryProperties.getCatalogs().size()",
        "trinoRequestUser.getUser().orElse(null)",
        "request.nonsense",
    ],
)
def test_what_they_do_not_know_is_none(text: str) -> None:
    assert asked(parse_condition(text)) is None
