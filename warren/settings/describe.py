"""What there is to set, told by the models themselves: for the documentation, its test, and messages."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, get_args, get_origin

from annotated_types import Ge, Le
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from warren.settings.root import Settings
from warren.settings.section import EVERYWHERE, Inert, Kind, Section


@dataclass(frozen=True, slots=True)
class Setting:
    """One key of the file."""

    key: str
    """The path, such as `routing.asyncTimeout`."""
    type: str
    default: str
    """As it would be written in the file; empty when there is none."""
    help: str
    without_effect: str | None
    """Why the key changes nothing here; None for one that does."""


def every_setting(
    section: type[Section] = Settings, prefix: str = "", without_effect: str | None = None
) -> Iterator[Setting]:
    """Every key that can be written, in the order of the models."""
    for name, info in section.model_fields.items():
        key = f"{prefix}{key_of(name, info)}"
        reason = next((mark.reason for mark in info.metadata if isinstance(mark, Inert)), without_effect)
        if inner := section_in(info):
            yield from every_setting(inner, f"{key}.", reason)
        else:
            yield Setting(key, type_of(info), default_of(info), " ".join((info.description or "").split()), reason)


def key_of(name: str, info: FieldInfo) -> str:
    return info.alias or name


def section_in(info: FieldInfo) -> type[Section] | None:
    """The section that a key holds, or None when it holds a value."""
    found = [part for part in parts(info.annotation) if isinstance(part, type) and issubclass(part, Section)]
    return found[0] if found else None


def kind_of(info: FieldInfo) -> Kind:
    """What the values of a field, or the members of its list, are."""
    marks = [*info.metadata, *parts(info.annotation)]
    return next(mark for mark in marks if isinstance(mark, Kind))


def parts(annotation: Any) -> Iterator[Any]:
    """The types and marks that an annotation consists of."""
    if get_origin(annotation) is None:
        yield annotation
        return
    for argument in get_args(annotation):
        yield from parts(argument)
    if get_origin(annotation) is Annotated:
        for mark in annotation.__metadata__:
            yield from mark.metadata if isinstance(mark, FieldInfo) else (mark,)


def type_of(info: FieldInfo) -> str:
    kind = kind_of(info)
    if get_origin(info.annotation) is tuple:
        return f"list of {kind.name}s"
    return f"{kind.name}{limits(kind, [*info.metadata, *parts(info.annotation)])}"


def limits(kind: Kind, marks: Sequence[Any]) -> str:
    """The bounds in words. That a time or a number is not below nothing needs none."""
    least = next((mark.ge for mark in marks if isinstance(mark, Ge)), 0)
    most = next((mark.le for mark in marks if isinstance(mark, Le)), None)
    if most is not None:
        return f", {kind.write(least)} to {kind.write(most)}"
    return f", at least {kind.write(least)}" if least else ""


def default_of(info: FieldInfo) -> str:
    default = info.default
    if default is PydanticUndefined:
        return "required"
    if default is None or default in ({}, ()):
        return ""
    if default == EVERYWHERE:
        return "everywhere"
    if isinstance(default, dict):
        return ", ".join(f"{key}: {value:g}" for key, value in default.items())
    return kind_of(info).write(default)


def table(section: str) -> str:
    """The documentation's table of one section, in Markdown; of the keys of the top level when `section` is empty."""
    lines = ["| key | type | default | |", "|---|---|---|---|"]
    for setting in every_setting():
        within, key = split(setting.key)
        if within == section and setting.without_effect is None:
            lines.append(f"| `{key}` | {setting.type} | {code(setting.default)} | {setting.help} |")
    return "\n".join(lines)


def table_without_effect() -> str:
    """The documentation's table of keys that are accepted and change nothing."""
    reasons: dict[str, list[str]] = {}
    for setting in every_setting():
        if setting.without_effect is not None:
            reasons.setdefault(setting.without_effect, []).append(f"`{setting.key}`")
    rows = [f"| {', '.join(keys)} | {reason} |" for reason, keys in reasons.items()]
    return "\n".join(["| key | why |", "|---|---|", *rows])


def split(key: str) -> tuple[str, str]:
    """A key's section and its name in there; the properties of HTTP clients are a section of their own."""
    section, dot, rest = key.partition(".")
    if not dot:
        return "", key
    client, found, name = rest.partition(".http-client.")
    return (f"{section}.{client}.http-client", name) if found else (section, rest)


def code(default: str) -> str:
    return f"`{default}`" if default not in {"", "required", "everywhere"} else default
