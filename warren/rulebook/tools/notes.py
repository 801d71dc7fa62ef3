"""What an author of rules should know about a file that is right: rules that say nothing, or need something."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from warren.errors import SettingsError
from warren.facts import Facts, RequestFacts
from warren.routing.mvel.compile import RuleFailed, compile_condition
from warren.routing.mvel.lexer import tokens
from warren.routing.mvel.scope import Scope
from warren.routing.rules.rule import STOP, Rule, RuleSet
from warren.routing.words import shown
from warren.rulebook.reading import SWITCH_ON, Written, read_rules, tree_of, written_rules
from warren.rulebook.tools.comparing import Kept
from warren.rulebook.tools.conditions import ALWAYS, NEVER
from warren.rulebook.tools.judging import plain_of
from warren.rulebook.tools.puts import then_of

CHANGING: Final = frozenset({"state", "result", "random"})
"""Words of MVEL that make a condition answer one thing now and another later."""
MOST_NAMED: Final = 10


@dataclass(frozen=True, slots=True)
class Note:
    line: int
    words: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.words}"


@dataclass(frozen=True, slots=True)
class _Seen:
    """A rule, what it asks, and whether that never changes."""

    rule: Rule
    asks: Any
    """The same for rules with the same condition; None when it may answer differently the next time."""
    constant: bool | None
    stops: bool


def notes(text: str, rules: RuleSet) -> tuple[Note, ...]:
    """`rules` are those of the text. In the order of lines."""
    by_line = {written.node.start_mark.line + 1: written for written in written_rules(text)}
    seen = [_seen(rule, by_line[rule.line]) for rule in rules.rules if rule.line in by_line]
    found = [*_same_names(rules.rules), *_constant(seen), *_never_tried(seen)]
    return tuple(sorted(found, key=lambda note: note.line))


def needing_analysis(text: str, *, is_on: bool | None) -> Note | None:
    """Which rules look at what statements say. `is_on` is None when nobody knows whether they are analysed."""
    try:
        read_rules(text, analyses=False)
    except SettingsError as error:
        needing = [problem for problem in error.problems if problem.remedy == SWITCH_ON]
        names = list(dict.fromkeys(problem.key for problem in needing))
        if not names:
            return None
        more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
        switch = (
            "which is on" if is_on else "for which the configuration needs requestAnalyzerConfig.analyzeRequest: true"
        )
        words = f"{', '.join(names[:MOST_NAMED])}{more}: needs the analysis of statements, {switch}"
        return Note(needing[0].line or 1, words)
    return None


def _seen(rule: Rule, written: Written) -> _Seen:
    mvel = written.text("condition")
    stops = rule.stop or _stops(written)
    if not mvel:
        return _Seen(rule, ("when", repr(tree_of(written.keys["when"]))), None, stops)
    words = [(token.kind, token.text) for token in tokens(mvel)[:-1]]
    if any(kind == "name" and word in CHANGING for kind, word in words):
        return _Seen(rule, None, None, stops)
    while words and words[-1] == ("symbol", ";"):
        words.pop()
    return _Seen(rule, ("condition", tuple(words)), _constant_answer(mvel), stops)


def _stops(written: Written) -> bool:
    """Whether what it does says `stop`, whatever the request."""
    then = written.keys.get("then")
    if then is not None and (tree := tree_of(then)).get(STOP):
        return str(tree[STOP]).lower() == "true"
    actions = written.keys.get("actions")
    if actions is None:
        return False
    try:
        nodes = actions.value if isinstance(actions.value, list) else [actions]
        return then_of([node.value for node in nodes]).get(STOP) is True
    except Kept:
        return False


def _constant_answer(mvel: str) -> bool | None:
    """What the condition answers to every request; None when that depends, or it cannot be told."""
    compiled = compile_condition(mvel)
    if not compiled.names:
        try:
            return bool(compiled.run(Scope(Facts(request=RequestFacts()))))
        except RuleFailed:
            return None
    try:
        plain = plain_of(mvel)
    except Kept:
        return None
    return plain == ALWAYS if plain in (ALWAYS, NEVER) else None


def _same_names(rules: Sequence[Rule]) -> Iterator[Note]:
    first: dict[str, Rule] = {}
    for rule in sorted(rules, key=lambda each: each.line):
        if (before := first.setdefault(rule.name, rule)) is not rule:
            yield Note(rule.line, f"rule {shown(rule.name)} has the name of the rule on line {before.line}")


def _constant(seen: Sequence[_Seen]) -> Iterator[Note]:
    for each in seen:
        if each.constant is not None:
            words = "applies to every request" if each.constant else "never applies"
            yield Note(each.rule.line, f"rule {shown(each.rule.name)} {words}: its condition is constant")


def _never_tried(seen: Sequence[_Seen]) -> Iterator[Note]:
    """In the order in which rules run."""
    stopping: dict[Any, Rule] = {}
    always: Rule | None = None
    for each in seen:
        before = always or stopping.get(each.asks)
        if before is not None:
            why = "applies to every request" if before is always else "has the same condition"
            name = f"rule {shown(before.name)} on line {before.line}"
            yield Note(
                each.rule.line,
                f"rule {shown(each.rule.name)} never has an effect: {name} {why}, runs before it and stops",
            )
        elif each.stops and each.constant is True:
            always = each.rule
        elif each.stops and each.asks is not None:
            stopping[each.asks] = each.rule
