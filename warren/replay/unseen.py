"""What rules look at that is not known of the replayed statements: such rules cannot be judged by them."""

import re
from collections.abc import Iterator, Set
from dataclasses import dataclass
from typing import Final

from warren.facts import Facts, RequestFacts
from warren.routing.mvel.scope import Scope
from warren.routing.rules.plain import FIELDS, TIME
from warren.routing.rules.rule import Rule, RuleSet
from warren.rulebook.reading import Written, written_rules

ALWAYS: Final = frozenset({"user", "source", "sql", "method", "path", TIME})
"""Fields of plain conditions that are known of every statement, or may be taken for granted."""
OF_HEADERS: Final = {
    "clientTags": "x-trino-client-tags",
    "clientInfo": "x-trino-client-info",
    "routingGroupHeader": "x-trino-routing-group",
    "sessionCatalog": "x-trino-catalog",
    "sessionSchema": "x-trino-schema",
}
ADDRESS: Final = "clientAddress"
HEADER: Final = "header "

IN_MVEL: Final = re.compile(
    r"\b(request|trinoQueryProperties|trinoRequestUser)\s*\??\.\s*(\w+)\s*(?:\(\s*(?:\"([^\"]*)\"|'([^']*)')?)?"
)
WHOLE_REQUEST: Final = re.compile(r"\brequest\b(?!\s*\??\.)")
"""The request as a value of its own: what is asked of it then does not show."""
KNOWN_HEADERS: Final = frozenset({"x-trino-user", "x-trino-source"})
GRANTED: Final = frozenset({"getmethod", "method", "getrequesturi", "requesturi", "getprotocol"})
ADDRESSES: Final = frozenset({"getremoteaddr", "remoteaddr", "getremotehost", "remotehost"})
OF_ONE_HEADER: Final = frozenset({"getheader", "getheaders", "getintheader"})
OF_SESSION: Final = {
    "getdefaultcatalog": "x-trino-catalog",
    "defaultcatalog": "x-trino-catalog",
    "getdefaultschema": "x-trino-schema",
    "defaultschema": "x-trino-schema",
}
OF_TOKEN: Final = frozenset({"getuserinfo", "userinfo"})


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of the replayed statements beside SQL, user, source and time."""

    headers: Set[str] = frozenset()
    """Names, in lower case."""
    addresses: bool = False


def unseen(text: str, rules: RuleSet, known: Known) -> list[tuple[str, ...]]:
    """For each rule, in the order in which they run, what it looks at and what is not known."""
    written = {each.node.start_mark.line + 1: each for each in written_rules(text)}
    return [tuple(sorted(set(_of_rule(rule, written[rule.line], known)))) for rule in rules.rules]


def _of_rule(rule: Rule, written: Written, known: Known) -> Iterator[str]:
    if "when" in written.keys:
        yield from _of_plain(rule, known)
    else:
        yield from _of_mvel(rule.condition.text, known)
    if "actions" in written.keys:
        for action in rule.actions:
            yield from _of_mvel(action.text, known)


def _of_plain(rule: Rule, known: Known) -> Iterator[str]:
    scope = Scope(facts=Facts(request=RequestFacts()))
    rule.condition.traced(scope)  # a plain condition that is traced looks at all that it may ever look at
    for name, _ in scope.seen:
        if name in ALWAYS:
            continue
        if name in OF_HEADERS:
            if OF_HEADERS[name] not in known.headers:
                yield name
        elif name == ADDRESS:
            if not known.addresses:
                yield name
        elif name not in FIELDS and (header := name.removeprefix(HEADER)).lower() not in known.headers | KNOWN_HEADERS:
            yield f"{HEADER}{header}"


def _of_mvel(text: str, known: Known) -> Iterator[str]:
    if WHOLE_REQUEST.search(text):
        yield "request"
    for found in IN_MVEL.finditer(text):
        thing, member, header = found[1], found[2].lower(), found[3] or found[4] or ""
        if thing == "trinoQueryProperties":
            if (of := OF_SESSION.get(member)) and of not in known.headers:
                yield f"{thing}.{found[2]}"
        elif thing == "trinoRequestUser":
            if member in OF_TOKEN:
                yield f"{thing}.{found[2]}"
        elif member in OF_ONE_HEADER and header:
            if header.lower() not in known.headers | KNOWN_HEADERS:
                yield f"{HEADER}{header}"
        elif not (member in GRANTED or (member in ADDRESSES and known.addresses)):
            yield f"{thing}.{found[2]}"
