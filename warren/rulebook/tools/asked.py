"""What a part of a condition in MVEL asks about: a header, a name, a set of names; None for what plain rules have not."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from warren.routing.mvel import tree
from warren.routing.mvel.offered.method import Methods, property_of
from warren.routing.mvel.offered.numbers import OPTIONAL
from warren.routing.mvel.offered.requests import QUERY, REQUEST, USER
from warren.routing.mvel.offered.tables import BY_KIND
from warren.rulebook.tools.conditions import ANYTHING, Asks, Condition

OBJECTS: Final[Mapping[str, Methods]] = {"request": REQUEST, "trinoQueryProperties": QUERY, "trinoRequestUser": USER}
HEADER_FIELDS: Final[Mapping[str, str]] = {
    "x-trino-source": "source",
    "x-trino-client-info": "clientInfo",
    "x-trino-routing-group": "routingGroupHeader",
    "x-trino-catalog": "sessionCatalog",
    "x-trino-schema": "sessionSchema",
}
"""Headers that have a name of their own in plain rules."""

Kind = Literal["header", "text", "type", "names", "optional", "got"]
FIELDS: Final[Mapping[str, tuple[Kind, str]]] = {
    "request.getMethod": ("text", "method"),
    "request.getRequestURI": ("text", "path"),
    "request.getRemoteAddr": ("text", "clientAddress"),
    "request.getRemoteHost": ("text", "clientAddress"),
    "trinoQueryProperties.getQueryType": ("type", "queryType"),
    "trinoQueryProperties.getResourceGroupQueryType": ("type", "resourceGroupQueryType"),
    "trinoQueryProperties.getCatalogs": ("names", "catalogs"),
    "trinoQueryProperties.getSchemas": ("names", "schemas"),
    "trinoQueryProperties.getCatalogSchemas": ("names", "catalogSchemas"),
    "trinoQueryProperties.getTables": ("names", "tables"),
    "trinoQueryProperties.getDefaultCatalog": ("optional", "sessionCatalog"),
    "trinoQueryProperties.getDefaultSchema": ("optional", "sessionSchema"),
    "trinoRequestUser.getUser": ("optional", "user"),
}


@dataclass(frozen=True, slots=True)
class Called:
    """A call, or a property that is one."""

    target: tree.Expression
    method: str
    arguments: tuple[tree.Expression, ...]


@dataclass(frozen=True, slots=True)
class Asked:
    """Something that plain rules can ask about, too."""

    kind: Kind
    """`type` has no case in plain rules; `optional` is an Optional, and `got` what its get() or orElse() answers."""
    field: str
    is_header: bool = False
    lowered: bool = False
    """What is compared is in lower case."""
    otherwise: str | None = None
    """What orElse() answers when there is nothing."""

    def asks(self, operator: str, wanted: str | bool | tuple[str, ...]) -> Asks:
        return Asks(self.field, operator, wanted, self.is_header)

    @property
    def key(self) -> str:
        """Names the field."""
        return self.asks("present", wanted=True).same

    @property
    def there(self) -> Condition:
        """It is not null, or not an empty Optional."""
        if self.kind == "header":
            return self.asks("matches", ANYTHING)
        return self.asks("present", wanted=True)

    @property
    def may_fail(self) -> bool:
        """A call on it fails when it is not there, or it does so itself."""
        return self.kind == "header" or (self.kind == "got" and self.otherwise is None)


def called(node: tree.Expression, methods: Methods | None = None) -> Called | None:
    """`target.name(…)`, or `target.name` by the methods of what the target is; not after `.?`."""
    match node:
        case tree.Call(safe=False):
            return Called(node.target, node.name, node.arguments)
        case tree.Property(safe=False):
            known = methods if methods is not None else _methods_of(node.target)
            found = property_of(known, node.name) if known is not None else None
            return Called(node.target, found.name, ()) if found is not None else None
    return None


def _methods_of(node: tree.Expression) -> Methods | None:
    if isinstance(node, tree.Name):
        return OBJECTS.get(node.name)
    found = asked(node)
    if found is None:
        return None
    kinds = {"names": BY_KIND["Set"], "optional": OPTIONAL}
    return kinds.get(found.kind, BY_KIND["String"])


def text_in(node: tree.Expression) -> str | None:
    """The literal text that a node is."""
    return node.value if isinstance(node, tree.Literal) and isinstance(node.value, str) else None


def asked(node: tree.Expression) -> Asked | None:
    """What plain rules ask about by one of their fields."""
    call = called(node)
    if call is None:
        return None
    if isinstance(call.target, tree.Name) and call.target.name in OBJECTS:
        return _of_object(call.target.name, call)
    inner = asked(call.target)
    if inner is None:
        return None
    if call.method == "toString" and inner.kind in {"text", "type"} and not call.arguments:
        return inner
    if call.method == "toLowerCase" and inner.kind in {"header", "text", "type"} and not call.arguments:
        return Asked(inner.kind, inner.field, inner.is_header, lowered=True)
    if inner.kind == "optional" and call.method == "get" and not call.arguments:
        return Asked("got", inner.field)
    if inner.kind == "optional" and call.method == "orElse":
        other = text_in(call.arguments[0])
        return Asked("got", inner.field, otherwise=other) if other is not None else None
    return None


def _of_object(name: str, call: Called) -> Asked | None:
    if (name, call.method) == ("request", "getContentType"):
        return Asked("header", "Content-Type", is_header=True)
    if (name, call.method) == ("request", "getHeader"):
        header = text_in(call.arguments[0]) if call.arguments else None
        if header is None:
            return None
        field = HEADER_FIELDS.get(header.lower())
        return Asked("header", header, is_header=True) if field is None else Asked("header", field)
    found = FIELDS.get(f"{name}.{call.method}")
    return Asked(*found) if found is not None else None
