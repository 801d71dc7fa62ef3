"""Reading the configuration file: every problem at once, and what was accepted without effect."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from warren.errors import Problem, SettingsError
from warren.settings.reading import airlift
from warren.settings.reading.document import read
from warren.settings.reading.later import Later, switched_on
from warren.settings.reading.notices import notices
from warren.settings.reading.problems import Judge
from warren.settings.reading.spelling import respell
from warren.settings.root import Settings

LARGEST_FILE = 1024**2
"""Bytes. Real files have a few kilobytes; the wrong file may have gigabytes."""

SERVER = "serverConfig"
GUARDS = ("adminAllowFrom", "trustedProxies")
"""Keys whose default is everybody: with nothing written after them it cannot have been meant."""
LATER = {info.alias or name for name, info in Later.model_fields.items()}


@dataclass(frozen=True, slots=True)
class Loaded:
    """Settings that can be used, and what an operator should know about them."""

    settings: Settings
    warnings: tuple[str, ...]


def defaults() -> Settings:
    """The settings of a gateway without a configuration file."""
    return Settings()


def load(path: Path, environment: Mapping[str, str]) -> Loaded:
    """Raises SettingsError with everything that is wrong with the file."""
    # Where a link to the file lies is where its neighbours are: Kubernetes mounts links.
    return parse(text_of(path), environment, directory=path.absolute().parent)


def text_of(path: Path) -> str:
    """Raises SettingsError when the file cannot be read, or is no text of a sensible size."""
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST_FILE + 1)
        text = content.decode("utf-8")
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        raise SettingsError((Problem("", None, str(path), f"the file cannot be read: {reason}"),)) from None
    except UnicodeDecodeError:
        raise SettingsError((Problem("", None, str(path), "the file is not text in UTF-8"),)) from None
    if len(content) > LARGEST_FILE:
        raise SettingsError((Problem("", None, str(path), "the file is larger than 1 MiB: is it the right one?"),))
    return text


def placed(problems: tuple[Problem, ...], path: Path) -> tuple[Problem, ...]:
    """What only showed later, with the lines that its keys have in the file. Raises SettingsError as `text_of`."""
    entries = read(text_of(path), {}).entries
    return tuple(
        replace(each, line=entries[each.key].line) if each.line is None and each.key in entries else each
        for each in problems
    )


def parse(text: str, environment: Mapping[str, str], *, directory: Path) -> Loaded:
    """Relative paths in the text start at `directory`. Raises SettingsError with everything that is wrong."""
    document = respell(read(text, environment))
    judge = Judge(document)
    for key in GUARDS:
        if key in document.tree and document.tree[key] is None:
            judge.add(key, "", "written without networks: list some, or remove the key to allow everybody")
    tree = dict(document.tree)
    inert: list[str] = []
    flaws: dict[str, str] = {}
    if isinstance(properties := tree.get(SERVER), dict):
        found = airlift.sort(properties)
        judge.server(found)
        tree[SERVER], inert, flaws = found.honoured, [document.name(key) for key in found.inert], found.flaws
    later = {key: tree.pop(key) for key in LATER & tree.keys()}
    later = {key: section for key, section in later.items() if section is not None}
    judge_later(judge, later)
    settings = judge.settings(tree, directory)
    if settings is None or judge.problems:
        raise SettingsError(judge.in_order())
    return Loaded(settings, notices(settings, inert=inert, flaws=flaws, later=sorted(later)))


def judge_later(judge: Judge, sections: Mapping[str, Any]) -> None:
    """One by one, so that a wrong key in one does not hide that another is switched on."""
    for key, section in sections.items():
        try:
            later = Later.model_validate({key: section}, by_alias=True, by_name=False)
        except ValidationError as error:
            judge.errors(error, Later)
            continue
        for switch, remedy in switched_on(later).items():
            judge.add(switch, "", remedy)
