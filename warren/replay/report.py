"""What a replay has found, in order and with its words: what the terminal, the JSON and the page show."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from warren.replay.statement import Kind, Place, in_words
from warren.replay.tally import Example, Load, Tally
from warren.routing.rules.rule import RuleSet


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """Statements that go from one place to another, for one reason."""

    before: Place
    after: Place
    rule: str | None
    """The rule that has the last word; None when no rule says where."""
    rule_before: str | None
    because: str
    """Of the first example."""
    count: int
    examples: tuple[Example, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleCount:
    """What one rule did."""

    name: str
    line: int
    applied: int
    decided: int
    """How often it had the last word."""
    moved: int
    failed: int
    unseen: tuple[str, ...]
    """What it looks at and the statements do not have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What was replayed, and against what, in words."""

    statements: str
    rules: str
    before: str
    limited: int | None = None
    """Where reading stopped although there was more."""
    bad: int = 0
    first_bad: tuple[str, ...] = ()
    is_history: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Everything, sorted; hours since 1970, in UTC."""

    source: Source
    tally: Tally
    moves: tuple[Move, ...]
    rules: tuple[RuleCount, ...]
    default_decided: int
    loads: dict[Place, dict[int, Load]]
    """By place, the busiest first, and hour."""
    notes: tuple[str, ...]


def report_of(
    tally: Tally,
    source: Source,
    *,
    rules: RuleSet | None,
    before: RuleSet | None,
    unseen: Sequence[tuple[str, ...]] = (),
    shown: int,
) -> Report:
    """`unseen`: for each rule what the statements do not have; `shown`: how many examples of each move."""
    counts = _rule_counts(tally, rules, unseen)
    return Report(
        source=source,
        tally=tally,
        moves=_moves(tally, rules, before, shown),
        rules=counts,
        default_decided=tally.decided[None],
        loads=_loads(tally),
        notes=tuple(_notes(tally, source, counts)),
    )


def _moves(tally: Tally, rules: RuleSet | None, before: RuleSet | None, shown: int) -> tuple[Move, ...]:
    moves = [
        Move(
            before=move.before,
            after=move.after,
            rule=_name(rules, move.rule),
            rule_before=_name(before, move.rule_before),
            because=moved.examples[0].because,
            count=moved.count,
            examples=tuple(moved.examples[:shown]),
        )
        for move, moved in tally.moves.items()
    ]
    return tuple(
        sorted(moves, key=lambda move: (-move.count, in_words(move.before), in_words(move.after), move.because))
    )


def _name(rules: RuleSet | None, number: int | None) -> str | None:
    return None if rules is None or number is None else rules.rules[number].name


def _rule_counts(tally: Tally, rules: RuleSet | None, unseen: Sequence[tuple[str, ...]]) -> tuple[RuleCount, ...]:
    moved = Counter[int | None]()
    for move, each in tally.moves.items():
        if move.before.kind is not Kind.UNKNOWN:
            moved[move.rule] += each.count
    return tuple(
        RuleCount(
            name=rule.name,
            line=rule.line,
            applied=tally.applied[number],
            decided=tally.decided[number],
            moved=moved[number],
            failed=tally.failed[number],
            unseen=unseen[number] if unseen else (),
        )
        for number, rule in enumerate(rules.rules if rules is not None else ())
    )


def _loads(tally: Tally) -> dict[Place, dict[int, Load]]:
    by_place: dict[Place, dict[int, Load]] = {}
    for (hour, place), load in sorted(tally.loads.items(), key=lambda item: item[0][0]):
        by_place.setdefault(place, {})[hour] = load
    return dict(sorted(by_place.items(), key=lambda item: (-_weight(item[1]), in_words(item[0]))))


def _weight(hours: dict[int, Load]) -> int:
    return sum(load.before + load.after for load in hours.values())


def _notes(tally: Tally, source: Source, rules: Sequence[RuleCount]) -> Iterator[str]:
    if source.is_history:
        yield (
            "The history keeps a statement's SQL, user, source and time, but no client tags, no session catalog and"
            " schema, no other headers, no client address and no claims of tokens: rules see none of these here."
        )
    if blind := sum(bool(rule.unseen) for rule in rules):
        yield (
            f"{_are(blind, 'rule')} not to be judged by these statements, since {'it looks' if blind == 1 else 'they look'}"
            " at what the statements do not have: see the list of rules."
        )
    if tally.not_understood:
        yield (
            f"Of {_statements(tally.not_understood)} the tables are not known, mostly since names are incomplete without"
            " the session's catalog and schema: rules that ask for tables, schemas or catalogs do not apply to them."
        )
    if failed := sum(tally.failed.values()):
        yield f"For {_statements(failed)} a rule failed, so that the routing group header decides, else the default group."
    if tally.kills:
        yield f"{_statements(tally.kills)} would end a query: these go to that query's cluster, whatever rules say."
    if tally.unknown:
        yield f"Of {_statements(tally.unknown)} it is not recorded who ran it: none counts as moved."
    if tally.without_time:
        yield f"{_statements(tally.without_time)} without a time: taken as sent now."
    if source.limited is not None:
        yield f"Reading stopped after {_statements(source.limited)}, as asked; there are more."


def _statements(count: int) -> str:
    return f"{count:,} statement{'' if count == 1 else 's'}"


def _are(count: int, thing: str) -> str:
    return f"1 {thing} is" if count == 1 else f"{count:,} {thing}s are"
