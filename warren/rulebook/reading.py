"""From the text of a rules file to rules that can run: all that is wrong with it at once, with line and column."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import yaml

from warren.errors import Problem, SettingsError
from warren.routing.mvel.compile import MvelError
from warren.routing.rules.made import ANALYSED, QUERY, flag, mvel_action, mvel_condition, plain_action, plain_condition
from warren.routing.rules.plain import BadCondition
from warren.routing.rules.rule import Action, Condition, Rule, RuleSet
from warren.routing.words import shown
from warren.rulebook.places import line_and_column, place_in
from warren.settings.reading.not_yaml import in_words

LARGEST_FILE = 4 * 1024 * 1024
"""Characters; a thousand rules have less than a tenth of it."""
MOST_RULES = 10_000
DEEPEST = 40
MOST_NODES = 500_000
"""Aliases of aliases can make a small file enormous."""
PRIORITIES = range(-(2**31), 2**31)
NULL = "tag:yaml.org,2002:null"
HALF = re.compile("[\ud800-\udfff]")
"""Half of a character, as \\ud83d in quotes makes it: no pattern could be made of it, and no log line."""
BEYOND = re.compile(r"\\U(?!0010|000[0-9A-Fa-f])[0-9A-Fa-f]{8}")
"""An escape for a character that Unicode does not have."""

KEYS = ("name", "description", "priority", "condition", "actions", "when", "then", "stop")
SWITCH_ON = "statements are not analysed: write `requestAnalyzerConfig: {analyzeRequest: true}` into the configuration"

Made = TypeVar("Made")


@dataclass(frozen=True, slots=True)
class Written:
    """A rule as it stands in its file: its nodes by key, and its place in the text."""

    node: yaml.MappingNode
    keys: Mapping[str, yaml.Node]
    start: int
    end: int
    """Indices of its document's first character and of the one after its last."""

    def text(self, key: str) -> str:
        node = self.keys.get(key)
        return node.value if isinstance(node, yaml.ScalarNode) and node.tag != NULL else ""


@dataclass(slots=True)
class _Reading:
    """One file while it is read."""

    text: str
    analyses: bool
    problems: list[Problem] = field(default_factory=list)

    def problem(self, where: str, node: yaml.Node, found: str, remedy: str) -> None:
        mark = node.start_mark
        self.problems.append(Problem(where, mark.line + 1, found, remedy, mark.column + 1))


def read_rules(text: str, *, analyses: bool) -> RuleSet:
    """The rules of a file. `analyses`: statements are analysed, so rules may look at what they say.

    Raises SettingsError with everything that is wrong.
    """
    reading = _Reading(text, analyses)
    rules, needs = [], set[str]()
    for number, written in enumerate(_documents(reading), start=1):
        if (rule := _rule(reading, written, number, needs)) is not None:
            rules.append(rule)
    if reading.problems:
        raise SettingsError(tuple(sorted(reading.problems, key=lambda each: (each.line or 0, each.column or 0))))
    return RuleSet(rules, needs_query=QUERY in needs)


def written_rules(text: str) -> list[Written]:
    """The rules of a file as they stand there. Raises SettingsError when it is not made of rules."""
    reading = _Reading(text, True)
    found = _documents(reading)
    if reading.problems:
        raise SettingsError(tuple(reading.problems))
    return found


def _documents(reading: _Reading) -> list[Written]:
    """The rules of the file: a document each, or several in a list."""
    text = reading.text
    if len(text) > LARGEST_FILE:
        reading.problems.append(Problem("", None, "", f"the file is larger than {LARGEST_FILE} characters"))
        return []
    try:
        roots = [root for root in yaml.compose_all(text, Loader=yaml.SafeLoader) if root is not None]
    except (yaml.YAMLError, ValueError, OverflowError, RecursionError) as error:
        reading.problems.append(problem_of_yaml(text, error))
        return []
    if halves := _halves(roots):
        for node in halves:
            reading.problem("", node, "half a character", "write the whole one, such as \\U0001f600 for \\ud83d\\ude00")
        return []
    nodes = [each for root in roots for each in (root.value if isinstance(root, yaml.SequenceNode) else [root])]
    nodes = [node for node in nodes if node.tag != NULL]
    if len(nodes) > MOST_RULES:
        reading.problems.append(Problem("", None, f"{len(nodes)} rules", f"write at most {MOST_RULES}"))
        return []
    return [written for node in nodes if (written := _mapping(reading, node)) is not None]


def problem_of_yaml(text: str, error: Exception) -> Problem:
    """What the parser has raised, with its place."""
    match error:
        case yaml.YAMLError():
            return _not_yaml(text, error)
        case RecursionError():
            return Problem("", None, "", "values are too deeply nested")
    return _beyond(text)


def _not_yaml(text: str, error: yaml.YAMLError) -> Problem:
    mark = error.problem_mark if isinstance(error, yaml.MarkedYAMLError) else None
    if mark is not None:
        return Problem("", mark.line + 1, "not YAML", in_words(error), mark.column + 1)
    position = getattr(error, "position", None)
    line, column = line_and_column(text, position) if isinstance(position, int) else (None, None)
    return Problem("", line, "not YAML", in_words(error), column)


def _beyond(text: str) -> Problem:
    """The parser trips over numbers that are too great: of a character, or of YAML's own version."""
    found = BEYOND.search(text)
    line, column = line_and_column(text, found.start()) if found else (None, None)
    return Problem("", line, "not YAML", "a number is too great; the greatest character is \\U0010ffff", column)


def _halves(roots: Iterable[yaml.Node]) -> list[yaml.Node]:
    """The values with half a character, each once however often aliases lead to it."""
    found: list[yaml.Node] = []
    seen = set[int]()
    stack = list(roots)
    while stack:
        node = stack.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        match node:
            case yaml.ScalarNode():
                if HALF.search(node.value):
                    found.append(node)
            case yaml.SequenceNode():
                stack += node.value
            case yaml.MappingNode():
                stack += [each for pair in node.value for each in pair]
    return found


def _mapping(reading: _Reading, node: yaml.Node) -> Written | None:
    if not isinstance(node, yaml.MappingNode):
        reading.problem("", node, "", "a rule is keys and values: name, condition and actions, or name, when and then")
        return None
    keys: dict[str, yaml.Node] = {}
    for key, value in node.value:
        name = key.value if isinstance(key, yaml.ScalarNode) else ""
        if name not in KEYS:
            reading.problem(shown(str(name)), key, "", f"a rule has no such key; known are {', '.join(KEYS)}")
        elif name in keys:
            reading.problem(
                name, key, "", f"written before on line {keys[name].start_mark.line + 1}: keep one of the two"
            )
        else:
            keys[name] = value
    return Written(node, keys, node.start_mark.index, node.end_mark.index)


def _rule(reading: _Reading, written: Written, number: int, needs: set[str]) -> Rule | None:
    """The rule, None when something is wrong with it, which is noted."""
    before = len(reading.problems)
    name = _scalar(reading, written, "name", "")
    where = f"rule {shown(name)}" if name else f"rule number {number}"
    description = _scalar(reading, written, "description", where)
    if not name and not isinstance(written.keys.get("name"), yaml.CollectionNode):
        reading.problem(where, written.node, "it has no name", "write `name:` and a text that people will know it by")
    condition = _condition(reading, written, where, needs)
    actions = _actions(reading, written, where, needs)
    stop = _stop(reading, written, where)
    priority = _priority(reading, written, where)
    if len(reading.problems) > before or condition is None:
        return None
    return Rule(
        name=name,
        condition=condition,
        actions=actions,
        description=description,
        priority=priority,
        stop=stop,
        line=written.node.start_mark.line + 1,
    )


def _scalar(reading: _Reading, written: Written, key: str, where: str) -> str:
    """The text of a key; empty when it is not written, and when it is no text, which is noted."""
    node = written.keys.get(key)
    if isinstance(node, yaml.CollectionNode):
        reading.problem(f"{where}: {key}" if where else key, node, "", "write a text")
    return written.text(key)


def _priority(reading: _Reading, written: Written, where: str) -> int:
    node = written.keys.get("priority")
    if node is None:
        return 0
    try:
        number = int(written.text("priority"))
    except ValueError:
        number = PRIORITIES.stop
    if number not in PRIORITIES:
        found = shown(written.text("priority"))
        reading.problem(f"{where}: priority", node, found, "write a whole number; the lowest runs first")
    return number


def _stop(reading: _Reading, written: Written, where: str) -> bool:
    node = written.keys.get("stop")
    return bool(node is not None and _plain(reading, where, "stop", node, lambda tree: flag(tree, ("stop",))))


def _condition(reading: _Reading, written: Written, where: str, needs: set[str]) -> Condition | None:
    mvel, plain = written.keys.get("condition"), written.keys.get("when")
    if mvel is not None and plain is not None:
        reading.problem(where, plain, "condition and when", "write one of the two")
        return None
    if mvel is not None:
        made = _mvel(reading, f"{where}: condition", mvel, mvel_condition)
    elif plain is not None:
        made = _plain(reading, where, "when", plain, plain_condition)
    else:
        reading.problem(where, written.node, "it says not when it applies", "write `when:`, or `condition:` with MVEL")
        return None
    return _known(reading, where, mvel or plain, made, needs)


def _actions(reading: _Reading, written: Written, where: str, needs: set[str]) -> tuple[Action, ...]:
    mvel, plain = written.keys.get("actions"), written.keys.get("then")
    actions: list[Action] = []
    if mvel is None and plain is None:
        reading.problem(where, written.node, "it does nothing", "write `then:`, or `actions:` with a list of MVEL")
    if mvel is not None:
        nodes = mvel.value if isinstance(mvel, yaml.SequenceNode) else [mvel]
        for node in nodes:
            made = _mvel(reading, f"{where}: actions", node, mvel_action)
            if (action := _known(reading, where, node, made, needs)) is not None:
                actions.append(action)
    if plain is not None and (then := _plain(reading, where, "then", plain, plain_action)) is not None:
        actions.append(then)
    return tuple(actions)


def _known(
    reading: _Reading, where: str, node: yaml.Node | None, made: tuple[Made, frozenset[str]] | None, needs: set[str]
) -> Made | None:
    """What was made, when all that it needs to know can be known."""
    if made is None:
        return None
    thing, needed = made
    needs.update(needed)
    if needed & ANALYSED and not reading.analyses and node is not None:
        reading.problem(where, node, f"it needs {' and '.join(sorted(needed))}", SWITCH_ON)
    return thing


def _mvel(reading: _Reading, where: str, node: yaml.Node, make: Callable[[str], Made]) -> Made | None:
    if not isinstance(node, yaml.ScalarNode):
        reading.problem(where, node, "", "write a text with MVEL")
        return None
    try:
        return make(node.value)
    except MvelError as error:
        line, column = place_in(reading.text, node, error.offset)
        reading.problems.append(Problem(where, line, "", error.sentence, column))
        return None


def _plain(reading: _Reading, where: str, key: str, node: yaml.Node, make: Callable[[Any], Made]) -> Made | None:
    read = _Tree()
    try:
        return make(read.tree(node, (key,)))
    except _Unreadable as bad:
        reading.problem(f"{where}: {key}", bad.node, "", str(bad))
    except BadCondition as bad:
        # What says nothing of a value is about the key.
        at = (not bad.found and read.keys.get(bad.path)) or read.nearest(bad.path) or node
        path = ".".join(str(part) for part in bad.path)
        reading.problem(f"{where}: {path}", at, bad.found, bad.remedy)
    return None


class _Unreadable(Exception):
    def __init__(self, node: yaml.Node, remedy: str) -> None:
        super().__init__(remedy)
        self.node = node


Path = tuple[str | int, ...]


class _Tree:
    """Mappings, lists and texts as they are written: `yes` and `5` are texts, too."""

    def __init__(self) -> None:
        self.keys: dict[Path, yaml.Node] = {}
        self.values: dict[Path, yaml.Node] = {}

    def tree(self, node: yaml.Node, path: Path) -> Any:
        """Raises _Unreadable."""
        self.values[path] = node
        if len(path) > DEEPEST or len(self.values) > MOST_NODES:
            raise _Unreadable(node, "too many or too deeply nested values: write it without aliases")
        match node:
            case yaml.MappingNode():
                made: dict[str, Any] = {}
                for key, value in node.value:
                    if not isinstance(key, yaml.ScalarNode) or key.value in made:
                        raise _Unreadable(key, "write each key once, as a plain word")
                    self.keys[*path, key.value] = key
                    made[key.value] = self.tree(value, (*path, key.value))
                return made
            case yaml.SequenceNode():
                return [self.tree(each, (*path, number)) for number, each in enumerate(node.value)]
            case yaml.ScalarNode() if node.tag == NULL and (word := node.value):
                raise _Unreadable(
                    node, f'{word} means nothing at all: write present: false for that, or "{word}" for the word'
                )
            case _:
                return str(node.value)

    def nearest(self, path: Path) -> yaml.Node | None:
        """The value at the path, or the innermost one around it."""
        return next((self.values[path[:end]] for end in range(len(path), 0, -1) if path[:end] in self.values), None)


def tree_of(node: yaml.Node) -> Any:
    """What a node of a file without problems holds."""
    return _Tree().tree(node, ())


def problems_in_words(problems: Sequence[Problem]) -> str:
    """The first of them, and how many more there are: for one log line."""
    more = len(problems) - 1
    return f"{problems[0]}{f'; and {more} more' if more else ''}" if problems else ""
