"""Asks rules what they make of described requests, and holds that against what was expected."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from warren.facts import Facts, QueryProperties, RequestFacts, RequestUser, facts_of_head
from warren.protocol.headers import Fields
from warren.protocol.identity import user_of
from warren.protocol.sql.analysis import whole
from warren.protocol.sql.statement import statement_properties, without_statement
from warren.routing.mvel.errors import RuleFailed
from warren.routing.mvel.offered.values import text_of
from warren.routing.mvel.scope import Scope
from warren.routing.rules.rule import Explained, RuleSet, Ruling, Tried
from warren.routing.words import shown
from warren.rulebook.tools.examples import Described, Example

CHANCE: Final = 0.5
"""What Math.random() answers, so that a test ends the same each time."""
CLAIM: Final = "email"
"""Of a token, what names its user, unless the configuration says otherwise."""
WORDS: Final = {"group": "group", "fallbackGroup": "fall-back group", "cluster": "cluster", "reject": "rejection"}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one example."""

    example: Example
    because: str
    """Empty when all is as expected."""
    details: tuple[str, ...] = ()
    """What each rule saw and did, when it is not."""


def try_all(rules: RuleSet, examples: Sequence[Example], *, now: Callable[[], datetime]) -> Iterator[Outcome]:
    """`now` is asked for examples that say no time."""
    for example in examples:
        explained = rules.explain(facts_of(example.request, now=now), lambda: CHANCE)
        because = "; ".join(_differences(example.expected, explained))
        yield Outcome(example, because, tuple(_details(explained)) if because else ())


def facts_of(described: Described, *, now: Callable[[], datetime]) -> Facts:
    fields = {name.encode(): [value.encode() for value in values] for name, values in described.headers.items()}
    path, question, query = described.path.partition("?")
    request = facts_of_head(
        method=described.method,
        path=path,
        query=query if question else None,
        headers={name: tuple(values) for name, values in described.headers.items()},
        remote_address=described.client_address,
        scheme="http",
    )
    return Facts(
        request=request,
        user=RequestUser(user=user_of(fields, claim=CLAIM) or None),
        query=_query(described, fields),
        now=described.time or now(),
    )


def _query(described: Described, fields: Fields) -> QueryProperties:
    if described.sql is None:
        return without_statement(fields)
    return whole(statement_properties(described.sql.encode(), fields))


def _differences(expected: Mapping[str, str | bool | None], explained: Explained) -> Iterator[str]:
    ruling = explained.ruling
    if ruling is None:
        if not expected.get("fails"):
            yield f"the rules fail: {explained.failed}"
        return
    if expected.get("fails"):
        yield f"the rules do not fail: {ruling.because}"
        return
    came = _came(ruling)
    for key, wanted in expected.items():
        found = came[key]
        fits = wanted in found if key == "reject" and found and isinstance(wanted, str) else wanted == found
        if not fits:
            yield f"expected {_said(key, wanted)}, got {_said(key, found)}"
    if ruling.reject is not None and "reject" not in expected:
        yield f"it is rejected: {shown(ruling.reject)}"


def _came(ruling: Ruling) -> Mapping[str, str | None]:
    return {
        "group": ruling.group,
        "fallbackGroup": ruling.fallback,
        "cluster": ruling.cluster,
        "reject": ruling.reject,
    }


def _said(key: str, value: str | bool | None) -> str:
    return f"no {WORDS[key]}" if value is None else f"{WORDS[key]} {shown(str(value))}"


def _details(explained: Explained) -> Iterator[str]:
    for tried in explained.tried:
        yield f"rule {shown(tried.rule.name)}, line {tried.rule.line}: {_what_became(tried)}"
        seen = dict.fromkeys(f"{words} = {_value(value)}" for words, value in tried.seen)
        yield from (f"  saw {each}" for each in seen)


def _what_became(tried: Tried) -> str:
    if tried.failed:
        return f"fails: {shown(tried.failed)}"
    if tried.applies is None:
        return "not tried"
    if not tried.applies:
        return "does not apply"
    put = ", ".join(f"{shown(str(key))} = {_value(value)}" for key, value in tried.put.items())
    return f"applies, {f'puts {put}' if put else 'changes nothing'}"


def _value(value: Any) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return shown(", ".join(value))
    try:
        return shown(text_of(value, Scope(Facts(request=RequestFacts()))))
    except RuleFailed:
        return "something large"
