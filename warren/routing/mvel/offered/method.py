"""What a method of a table is: its name, what it takes and answers, and how values are made to fit."""

import difflib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from warren.routing.mvel.errors import RuleFailed
from warren.routing.mvel.offered.patterns import as_pattern
from warren.routing.mvel.offered.values import HashSet, class_of
from warren.routing.mvel.scope import Scope

COLLECTIONS: Final = (list, tuple, HashSet, frozenset)


def as_text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if value is None:
        raise RuleFailed("null pointer: text is expected and null is given")
    raise RuleFailed(f"text is expected and {class_of(value)} is given")


def as_text_or_null(value: Any) -> str | None:
    return None if value is None else as_text(value)


def as_integer(value: Any) -> int:
    if type(value) is int:
        return value
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 19:
        return int(value)
    raise RuleFailed(f"an integer is expected and {class_of(value)} is given")


def as_number(value: Any) -> int | float:
    if type(value) in (int, float):
        number: int | float = value
        return number
    if value is None:
        raise RuleFailed("null pointer: a number is expected and null is given")
    raise RuleFailed(f"a number is expected and {class_of(value)} is given")


def as_collection(value: Any) -> Any:
    if isinstance(value, COLLECTIONS):
        return value
    if value is None:
        raise RuleFailed("null pointer: a collection is expected and null is given")
    raise RuleFailed(f"a collection is expected and {class_of(value)} is given")


def as_map(value: Any) -> dict[Any, Any]:
    if isinstance(value, dict):
        return value
    raise RuleFailed(f"a map is expected and {class_of(value)} is given")


ADAPTERS: Final[Mapping[str, Callable[[Any], Any] | None]] = {
    "any": None,
    "text": as_text,
    "text-or-null": as_text_or_null,
    "int": as_integer,
    "number": as_number,
    "collection": as_collection,
    "map": as_map,
    "pattern": as_pattern,
}


@dataclass(frozen=True, slots=True)
class Method:
    name: str
    run: Callable[..., Any]
    """Called with what the method is called on, then with arguments that fit; scoped ones with the scope before all."""
    takes: tuple[str, ...]
    least: int
    """Arguments that must be given."""
    endless: bool
    """The last kind of argument may be given any number of times."""
    answers: str
    """The kind of its answer when that is known beforehand; null is possible all the same."""
    scoped: bool
    changes: bool
    """It changes what it is called on."""

    def kind_of_argument(self, index: int) -> str:
        return self.takes[min(index, len(self.takes) - 1)]

    def accepts(self, count: int) -> bool:
        return self.least <= count and (self.endless or count <= len(self.takes))

    def invoke(self, scope: Scope, receiver: tuple[Any, ...], arguments: tuple[Any, ...]) -> Any:
        """`receiver` is empty for a method of a class."""
        if not self.accepts(len(arguments)):
            raise RuleFailed(f"{self.name}() takes {self.in_words()}, not {len(arguments)}")
        if arguments:
            arguments = tuple(fitted(self.kind_of_argument(index), value) for index, value in enumerate(arguments))
        return self.run(scope, *receiver, *arguments) if self.scoped else self.run(*receiver, *arguments)

    def in_words(self) -> str:
        if self.endless:
            return f"{self.least} arguments or more"
        most = len(self.takes)
        counts = str(most) if most == self.least else f"{self.least} to {most}"
        return "no arguments" if most == 0 else f"{counts} argument{'s' if most > 1 else ''}"


Methods = dict[str, Method]


def fitted(kind: str, value: Any) -> Any:
    adapter = ADAPTERS[kind]
    return value if adapter is None else adapter(value)


def method(
    name: str,
    run: Callable[..., Any],
    takes: str = "",
    answers: str = "",
    *,
    scoped: bool = False,
    changes: bool = False,
) -> Method:
    """`takes` lists kinds; `?` behind one means that it may be missing, `*` that it may be repeated."""
    kinds = takes.split()
    return Method(
        name=name,
        run=run,
        takes=tuple(kind.rstrip("?*") for kind in kinds),
        least=sum(kind[-1] not in "?*" for kind in kinds),
        endless=bool(kinds) and kinds[-1].endswith("*"),
        answers=answers,
        scoped=scoped,
        changes=changes,
    )


def table(*methods: Method) -> Methods:
    return {found.name: found for found in methods}


def property_of(methods: Methods, name: str) -> Method | None:
    """What answers `value.name`: getName(), isName(), or a method of that name; without arguments each."""
    capital = name[:1].upper() + name[1:]
    for candidate in (f"get{capital}", f"is{capital}", name):
        found = methods.get(candidate)
        if found is not None and found.least == 0 and not found.changes:
            return found
    return None


def properties(methods: Methods) -> set[str]:
    """What may be written as `value.name`."""
    short = {name.removeprefix(prefix) for name in methods for prefix in ("get", "is") if name.startswith(prefix)}
    return {*methods, *(name[:1].lower() + name[1:] for name in short)}


def nearest(name: str, known: Iterable[str]) -> str:
    """`; did you mean …?`, or nothing when nothing is like it."""
    like = difflib.get_close_matches(name, list(known), n=3, cutoff=0.6)
    return f"; did you mean {' or '.join(like)}?" if like else ""
