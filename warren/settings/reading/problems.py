"""What is wrong with a file, in words: which key, which line, what stands there, what to write instead."""

import difflib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pydantic import SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from warren.errors import Problem
from warren.settings.describe import every_setting, key_of, kind_of, parts, section_in
from warren.settings.reading.airlift import Sorted, known
from warren.settings.reading.document import OUT_OF_ENVIRONMENT, Document, Entry, printable
from warren.settings.reading.later import Later
from warren.settings.root import Settings
from warren.settings.section import Section
from warren.settings.server import ServerSettings

LONGEST_FOUND = 300
"""Characters; whole paths may be in it."""
MOST_NAMED = 40
"""Known keys that are listed."""
MOST_BESIDE_NEAR = 12
"""The same, where there are near ones."""

FORMER = {
    "addXForwardedHeaders": "routing.forwardedHeadersEnabled",
    "taskDelaySeconds": "monitor.taskDelay",
    "statementPaths": "additionalStatementPaths",
    "blackListHeaders": "excludeHeaders",
}
"""Keys of older versions of Trino Gateway, and what took their place."""

LIST = "write a list: one line with `- value` for each"
KEYS = "write keys with values, indented below it"
WHOLE = "write a whole number"
WORDS = {
    "missing": "required, and missing",
    "bool_parsing": "write true or false",
    "bool_type": "write true or false",
    "int_parsing": WHOLE,
    "int_parsing_size": WHOLE,
    "int_from_float": WHOLE,
    "int_type": WHOLE,
    "float_parsing": "write a number",
    "float_type": "write a number",
    "finite_number": "write a finite number",
    "string_type": "write text",
    "string_too_short": "write at least one character",
    "tuple_type": LIST,
    "model_type": KEYS,
    "model_attributes_type": KEYS,
    "dict_type": KEYS,
}
"""By pydantic's type of error."""
LIMITS = {
    "greater_than": ("gt", "must be more than"),
    "greater_than_equal": ("ge", "must be at least"),
    "less_than_equal": ("le", "must be at most"),
}


class Judge:
    """Collects what is wrong with one document."""

    def __init__(self, document: Document) -> None:
        self._entries = document.entries
        self._name = document.name
        self.problems = list(document.problems)

    def add(self, key: str, found: str, remedy: str) -> None:
        entry = self._nearest(key)
        self.problems.append(Problem(self._name(key), entry.line if entry else None, found, remedy))

    def server(self, found: Sorted) -> None:
        """Properties of `serverConfig` that stop the gateway from starting."""
        for key, remedy in found.refused.items():
            self.add(f"serverConfig.{key}", "", remedy)
        for key in found.unknown:
            self.add(f"serverConfig.{key}", "", unknown(key, known(), ServerSettings))

    def settings(self, tree: dict[str, Any], directory: Path) -> Settings | None:
        """None when something is wrong with them; what, has been added."""
        try:
            return Settings.model_validate(tree, by_alias=True, by_name=False, context={"directory": directory})
        except ValidationError as error:
            self.errors(error, Settings)
            return None

    def errors(self, error: ValidationError, model: type[Section]) -> None:
        seen: set[str] = set()
        for details in error.errors(include_url=False, include_input=False):
            key = self._path(details)
            if key not in seen:
                seen.add(key)
                self._add_error(key, details, model)

    def in_order(self) -> tuple[Problem, ...]:
        """As one reads the file; what concerns the whole of it comes first."""
        return tuple(sorted(self.problems, key=lambda problem: problem.line or 0))

    def _add_error(self, key: str, details: ErrorDetails, model: type[Section]) -> None:
        if details["type"] == "extra_forbidden":
            section = section_at(model, details["loc"][:-1])
            # The value stays unsaid: next to a misspelt `password` it would be one.
            self.add(key, "", unknown(str(details["loc"][-1]), keys_of(section), section))
            return
        if (entry := self._entries.get(key)) and entry.missing:
            return  # That a variable is not set has been said; what its value would be, nobody knows.
        info = field_at(model, details["loc"])
        self.add(key, self._found(key, details, info), remedy_of(details, info))

    def _found(self, key: str, details: ErrorDetails, info: FieldInfo | None) -> str:
        entry = self._entries.get(key)
        if entry is None:
            return ""
        if entry.from_environment:
            return OUT_OF_ENVIRONMENT
        if said := details.get("ctx", {}).get("found"):
            return printable(str(said), most=LONGEST_FOUND)
        # A section's value may be anything, for instance the password that should stand one line below.
        return "" if info is None or is_secret(info) else entry.shown

    def _nearest(self, key: str) -> Entry | None:
        """What is known of the key, or of the section that lacks it."""
        while key and key not in self._entries:
            key = key.rpartition(".")[0]
        return self._entries.get(key)

    def _path(self, details: ErrorDetails) -> str:
        """The key's path in the file: pydantic's may go on, into the members of a union."""
        path = ""
        for part in details["loc"]:
            longer = f"{path}[{part}]" if isinstance(part, int) else f"{path}.{part}" if path else str(part)
            if longer not in self._entries and details["type"] != "missing" and not self._leads_on(longer):
                break
            path = longer
        return path

    def _leads_on(self, path: str) -> bool:
        """The properties of `serverConfig` have dots, so what stands before them is no entry."""
        return any(key.startswith(f"{path}.") for key in self._entries)


def unknown(name: str, candidates: Iterable[str], section: type[Section]) -> str:
    """The remedy for a key that nobody knows. Any of the candidates may be meant; those that have an effect are listed."""
    if name in FORMER:
        return f"unknown key; its name now is {FORMER[name]}"
    candidates = sorted(candidates)
    within, _, rest = name.partition(".")
    # Only what is known is told: the name may be out of the environment.
    if (inner := section_at(section, (within,))) is not section and rest in {each.key for each in every_setting(inner)}:
        return f"unknown key; write {rest} below {within}:"
    near = difflib.get_close_matches(name, candidates, n=3)
    listed = ", ".join(names) if len(names := effective(section)) <= (MOST_BESIDE_NEAR if near else MOST_NAMED) else ""
    if near:
        return f"unknown key; did you mean {' or '.join(near)}?{listed and f' Known here: {listed}'}"
    return f"unknown key{listed and f'; known here: {listed}'}"


def effective(section: type[Section]) -> list[str]:
    """The keys of a section that change something. The properties of `serverConfig` have dots."""
    found = (setting.key for setting in every_setting(section) if setting.without_effect is None)
    return sorted({key if section is ServerSettings else key.partition(".")[0] for key in found})


def keys_of(section: type[Section]) -> list[str]:
    models = (Settings, Later) if section in {Settings, Later} else (section,)
    return [key_of(name, info) for model in models for name, info in model.model_fields.items()]


def field_at(model: type[Section], loc: tuple[int | str, ...]) -> FieldInfo | None:
    """The field whose value is wrong, or whose list or map holds it; None when the location is a section."""
    section: type[Section] | None = model
    info: FieldInfo | None = None
    for part in loc:
        if section is None:
            break
        info = next((info for name, info in section.model_fields.items() if key_of(name, info) == part), None)
        section = section_in(info) if info is not None else None
    return info if section is None else None


def section_at(model: type[Section], loc: tuple[int | str, ...]) -> type[Section]:
    for part in loc:
        inner = next(
            (section_in(info) for name, info in model.model_fields.items() if key_of(name, info) == part), None
        )
        model = inner or model
    return model


def is_secret(info: FieldInfo) -> bool:
    return SecretStr in parts(info.annotation)


def remedy_of(details: ErrorDetails, info: FieldInfo | None) -> str:
    context = details.get("ctx", {})
    if details["type"] == "wrong_value":
        return str(context["remedy"])
    if details["type"] in LIMITS and info is not None:
        name, words = LIMITS[details["type"]]
        return f"{words} {kind_of(info).write(context[name])}"
    if details["type"] == "string_too_long":
        return f"write {context['max_length']} characters at most"
    return WORDS.get(details["type"], details["msg"])
