"""What an author of rules should know about a file that is right: rules that say nothing, or need something."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from warren.errors import SettingsError
from warren.facts import Facts, RequestFacts
from warren.protocol.sql.kinds import CLASSES, TYPES
from warren.routing.mvel.compile import RuleFailed, compile_condition
from warren.routing.mvel.lexer import tokens
from warren.routing.mvel.scope import Scope
from warren.routing.rules.plain import ALL, ANY, NOT
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
WHOLE: Final = ("equals", "oneOf", "allOf")
"""Ways to compare with a whole value."""


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
    when: Any
    """Its plain condition as written; None when it is in MVEL."""
    asks: Any
    """The same for rules with the same condition; None when it may answer differently the next time."""
    constant: bool | None
    stops: bool


def notes(text: str, rules: RuleSet) -> tuple[Note, ...]:
    """`rules` are those of the text. In the order of lines."""
    by_line = {written.node.start_mark.line + 1: written for written in written_rules(text)}
    seen = [_seen(rule, by_line[rule.line]) for rule in rules.rules if rule.line in by_line]
    found = [*_same_names(rules.rules), *_constant(seen), *_never_met(seen), *_never_tried(seen)]
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
        when = tree_of(written.keys["when"])
        return _Seen(rule, when, ("when", repr(when)), None, stops)
    words = [(token.kind, token.text) for token in tokens(mvel)[:-1]]
    if any(kind == "name" and word in CHANGING for kind, word in words):
        return _Seen(rule, None, None, None, stops)
    while words and words[-1] == ("symbol", ";"):
        words.pop()
    return _Seen(rule, None, ("condition", tuple(words)), _constant_answer(mvel), stops)


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


def _never_met(seen: Sequence[_Seen]) -> Iterator[Note]:
    for each in seen:
        never = [(field, text) for field, text in _whole_values(each.when) if IMPOSSIBLE[field](text)]
        for field, text in dict(reversed(never)).items():  # the first one of each field
            others = sum(other == field for other, _ in never) - 1
            more = f" (and {others} more)" if others else ""
            words = f"{field} is never {shown(text)}{more}: {IMPOSSIBLE[field](text)}"
            yield Note(each.rule.line, f"rule {shown(each.rule.name)}: {words}")


def _whole_values(when: Any) -> Iterator[tuple[str, str]]:
    """What it compares whole values of a field with, where not every text can be one."""
    if isinstance(when, list):
        for each in when:
            yield from _whole_values(each)
    elif isinstance(when, Mapping):
        for key, wanted in when.items():
            if key in {ALL, ANY, NOT}:
                yield from _whole_values(wanted)
            elif key in IMPOSSIBLE:
                tests = [wanted[way] for way in WHOLE if way in wanted] if isinstance(wanted, Mapping) else [wanted]
                for each in tests:
                    yield from ((key, text) for text in (each if isinstance(each, list) else [each]))


def _no_class(text: str) -> str | None:
    if text.lower() in {each.lower() for each in CLASSES}:
        return None
    other = f"write resourceGroupQueryType: {text.upper()}, or a class" if text.upper() in TYPES else "write a class"
    return f"{other} of Trino's, such as Query, Insert, CreateTable"


def _no_type(text: str) -> str | None:
    if text.upper() in TYPES:
        return None
    is_class = text.lower() in {each.lower() for each in CLASSES}
    return f"write {f'queryType: {text}, or ' if is_class else ''}one of {', '.join(sorted(TYPES))}"


def _no_table(text: str) -> str | None:
    if '"' in text:
        return "names have no quotes here, and are in lower case: write catalog.schema.table"
    return None if text.count(".") > 1 else "write catalog.schema.table, or {endsWith: .table} for those of all schemas"


def _no_schema(text: str) -> str | None:
    return None if "." in text else "write catalog.schema, or ask for schemas"


def _no_method(text: str) -> str | None:
    return None if text == text.upper() else "methods are in capitals, such as POST"


def _no_path(text: str) -> str | None:
    return None if text.startswith("/") else "a path begins with /"


IMPOSSIBLE: Final[Mapping[str, Callable[[str], str | None]]] = {
    "queryType": _no_class,
    "resourceGroupQueryType": _no_type,
    "tables": _no_table,
    "catalogSchemas": _no_schema,
    "method": _no_method,
    "path": _no_path,
}
"""Why no value of the field is ever this text, and what to write instead; None when one may be."""


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
