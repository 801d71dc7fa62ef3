"""Rules, run in their order: each that applies writes what it wants, and what stands there at the end is decided."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from warren.facts import Facts
from warren.model import ClusterName, Decision, GroupName
from warren.routing.mvel.compile import RuleFailed
from warren.routing.mvel.scope import Scope
from warren.routing.words import shown

GROUP = "routingGroup"
"""Upstream's key of the result; the others are ours, and no rule that was written for it has them."""
FALLBACK = "fallbackGroup"
CLUSTER = "pinnedCluster"
REJECT = "rejectMessage"
STOP = "stop"

LONGEST_NAME = 255
"""Characters of the name of a group or cluster, as the tables have room for them."""
LONGEST_MESSAGE = 2000


@dataclass(frozen=True, slots=True)
class Condition:
    """When a rule applies. Both functions raise RuleFailed and nothing else."""

    text: str
    """As its author wrote it, or in words."""
    applies: Callable[[Scope], bool]
    traced: Callable[[Scope], bool]
    """As `applies`; what it looked at is in `scope.seen` afterwards."""


@dataclass(frozen=True, slots=True)
class Action:
    """What a rule does to `scope.result` and `scope.state` when it applies. Both functions raise RuleFailed and nothing else."""

    text: str
    act: Callable[[Scope], object]
    traced: Callable[[Scope], object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule of a file."""

    name: str
    condition: Condition
    actions: tuple[Action, ...]
    description: str = ""
    priority: int = 0
    stop: bool = False
    """When it applies, rules that come later are not tried."""
    line: int = 0
    """Where it begins in its file, counted from 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruling:
    """What the rules have decided together."""

    group: GroupName | None = None
    """None when no rule says a group."""
    because: str = ""
    fallback: GroupName | None = None
    cluster: ClusterName | None = None
    reject: str | None = None
    """The sentence for the client whose statement must not run."""


@dataclass(slots=True)
class Tried:
    """What became of one rule, for people."""

    rule: Rule
    applies: bool | None = None
    """None when it was not tried, or failed."""
    seen: list[tuple[str, Any]] = field(default_factory=list)
    """What it looked at, and what that was."""
    put: Mapping[str, Any] = field(default_factory=dict)
    """What it left in the result, when that changed."""
    failed: str = ""


@dataclass(frozen=True, slots=True)
class Explained:
    """What a set of rules made of a request, and how it came to that."""

    ruling: Ruling | None
    """None when a rule failed."""
    failed: str
    """Why there is no ruling."""
    tried: tuple[Tried, ...]


class RuleSet:
    """The rules of a file, in the order in which they run: by priority, the lowest first, then as they are written."""

    def __init__(self, rules: Sequence[Rule], *, needs_query: bool = False) -> None:
        """`needs_query`: some rule looks at what the statement says."""
        self.rules = tuple(sorted(rules, key=lambda rule: rule.priority))
        self.needs_query = needs_query

    def decide(self, facts: Facts, chance: Callable[[], float]) -> Ruling:
        """What all rules say together. `chance` answers a number from 0 up to 1. Raises RuleFailed, which names the rule."""
        scope = Scope(facts=facts, chance=chance)
        result = scope.result
        authors: dict[str, str] = {}
        known: Mapping[Any, Any] = {}
        for rule in self.rules:
            try:
                if not rule.condition.applies(scope):
                    continue
                for action in rule.actions:
                    action.act(scope)
            except RuleFailed as failure:
                raise RuleFailed(f"rule {shown(rule.name)}: {failure}") from failure
            authors.update((key, rule.name) for key in _changes(known, result))
            known = dict(result)
            if rule.stop or result.get(STOP) is True:
                break
        return self._ruling(result, authors)

    def explain(self, facts: Facts, chance: Callable[[], float]) -> Explained:
        """As `decide`, with what each rule saw and did on the way. Never raises."""
        scope = Scope(facts=facts, chance=chance)
        tried = tuple(Tried(rule) for rule in self.rules)
        authors: dict[str, str] = {}
        known: Mapping[Any, Any] = {}
        for each in tried:
            scope.seen = each.seen
            try:
                each.applies = each.rule.condition.traced(scope)
                for action in each.rule.actions if each.applies else ():
                    action.traced(scope)
            except RuleFailed as failure:
                each.failed = str(failure)
                return Explained(None, f"rule {shown(each.rule.name)}: {failure}", tried)
            if not each.applies:
                continue
            each.put = _changes(known, scope.result)
            authors.update((key, each.rule.name) for key in each.put)
            known = dict(scope.result)
            if each.rule.stop or scope.result.get(STOP) is True:
                break
        try:
            return Explained(self._ruling(scope.result, authors), "", tried)
        except RuleFailed as failure:
            return Explained(None, str(failure), tried)

    def _ruling(self, result: Mapping[Any, Any], authors: Mapping[str, str]) -> Ruling:
        """Raises RuleFailed for a result that is no name and no text."""
        group, cluster = _text(result, GROUP, authors), _text(result, CLUSTER, authors)
        fallback, message = _text(result, FALLBACK, authors), _text(result, REJECT, authors)
        said = [(GROUP, "group", group), (CLUSTER, "cluster", cluster), (FALLBACK, "fall-back group", fallback)]
        words = [f"{_author(authors, key)} says {what} {shown(name)}" for key, what, name in said if name]
        if message:
            words = [f"{_author(authors, REJECT)} rejects it"]
        elif group is None:
            words.insert(0, f"none of {len(self.rules)} rules says a group")
        return Ruling(
            group=GroupName(group) if group else None,
            because="; ".join(words),
            fallback=GroupName(fallback) if fallback else None,
            cluster=ClusterName(cluster) if cluster else None,
            reject=message,
        )


def _changes(before: Mapping[Any, Any], after: Mapping[Any, Any]) -> dict[Any, Any]:
    """What was put since; putting what stood there already is none."""
    return {key: value for key, value in after.items() if not is_same(before.get(key), value)}


def is_same(one: Any, other: Any) -> bool:
    """Texts are compared by what they say; a collection may hold itself, and is not looked into."""
    return one is other or (isinstance(one, str) and one == other)


def _author(authors: Mapping[str, str], key: str) -> str:
    """Nobody is known when the condition of a rule that does not apply has put it."""
    return f"rule {shown(authors[key])}" if key in authors else "a condition"


def _text(result: Mapping[Any, Any], key: str, authors: Mapping[str, str]) -> str | None:
    """A text of the result; null and an empty text are no opinion, as upstream has it."""
    value = result.get(key)
    if value is None or value == "":
        return None
    who = _author(authors, key)
    if not isinstance(value, str):
        raise RuleFailed(f"{who}: {key} must be a text, not {type(value).__name__}")
    if len(value) > (limit := LONGEST_MESSAGE if key == REJECT else LONGEST_NAME):
        raise RuleFailed(f"{who}: {key} is longer than {limit} characters")
    return value


def decision_of(ruling: Ruling, *, default: GroupName) -> Decision:
    """The decision that a ruling is: for the default group where no rule says one."""
    if ruling.group is not None:
        return Decision(ruling.group, ruling.because, ruling.fallback, ruling.cluster)
    return Decision(default, f"{ruling.because}, so default group {shown(default)}", ruling.fallback, ruling.cluster)
