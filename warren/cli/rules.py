"""`warren rules`: checks a rules file, tries it on described requests, and turns MVEL into plain rules."""

import os
import sys
from datetime import datetime
from pathlib import Path
from typing import NoReturn

import click

from warren.cli.failures import fail
from warren.errors import SettingsError
from warren.rulebook.reading import read_rules
from warren.rulebook.rulebook import read_text
from warren.rulebook.tools.convert import Converted, convert
from warren.rulebook.tools.examples import EXAMPLE, Example, read_examples
from warren.rulebook.tools.junit import junit_of
from warren.rulebook.tools.notes import needing_analysis, notes
from warren.rulebook.tools.trying import Outcome, try_all
from warren.settings.load import load

EXISTING = click.Path(exists=True, dir_okay=False, path_type=Path)
NEW = click.Path(dir_okay=False, path_type=Path)
FILE = click.argument("file", type=EXISTING)
TESTS = "rules-test.yaml"


@click.group()
def rules() -> None:
    """Check, try and convert a rules file, without a gateway.

    `warren rules check FILE` finds what is wrong, `warren rules test FILE` tries it on requests.
    """


@rules.command()
@FILE
@click.option("--config", type=EXISTING, help="The gateway's configuration: whether statements are analysed.")
def check(file: Path, config: Path | None) -> None:
    """Say everything that is wrong with the rules file FILE, all at once. Exit code 1 when something is."""
    is_on = _analyses(config)
    try:
        text = read_text(file)
        found = read_rules(text, analyses=is_on is not False)
    except SettingsError as error:
        fail(error, file)
    needing = needing_analysis(text, is_on=is_on)
    for note in (*notes(text, found), *((needing,) if needing else ())):
        click.echo(f"note: {note}")
    click.echo(f"{file}: nothing is wrong with its {_counted(len(found.rules), 'rule')}")


def _analyses(config: Path | None) -> bool | None:
    """Whether the configuration has statements analysed; None without one."""
    if config is None:
        return None
    try:
        return load(config, os.environ).settings.request_analyzer_config.analyze_request
    except SettingsError as error:
        fail(error, config)


@rules.command()
@FILE
@click.option("--tests", type=EXISTING, help="The tests, instead of those beside FILE.")
@click.option("--junit", type=NEW, help="Also write the outcome there, as JUnit XML.")
def test(file: Path, tests: Path | None, junit: Path | None) -> None:
    """Try the rules file FILE on the requests of rules-test.yaml beside it. Exit code 0 when all go where they should.

    For my-rules.yaml, my-rules-test.yaml is looked for first.
    """
    where = tests or _beside(file)
    examples = _examples(where) if where is not None else ()
    if not examples:
        _no_tests(where or file.with_name(TESTS))
    try:
        found = read_rules(read_text(file), analyses=True)
    except SettingsError as error:
        fail(error, file)
    outcomes = tuple(try_all(found, examples, now=lambda: datetime.now().astimezone()))
    for outcome in outcomes:
        _show(outcome)
    failed = sum(bool(outcome.because) for outcome in outcomes)
    click.echo(f"{len(outcomes) - failed} passed, {failed} failed")
    if junit is not None:
        _write(junit, junit_of(outcomes, suite=file.name))
    sys.exit(1 if failed else 0)


def _beside(file: Path) -> Path | None:
    candidates = (file.with_name(f"{file.stem}-test{file.suffix}"), file.with_name(TESTS))
    return next((path for path in candidates if path.is_file()), None)


def _examples(path: Path) -> tuple[Example, ...]:
    try:
        return read_examples(read_text(path))
    except SettingsError as error:
        fail(error, path)


def _no_tests(path: Path) -> NoReturn:
    click.echo(f"there are no tests: write some into {path}, such as\n\n{EXAMPLE}", err=True)
    sys.exit(1)


def _show(outcome: Outcome) -> None:
    name = outcome.example.name
    if not outcome.because:
        click.echo(f"ok      {name}")
        return
    click.echo(f"FAILED  {name} (line {outcome.example.line}): {outcome.because}")
    for detail in outcome.details:
        click.echo(f"          {detail}")


@rules.command(name="convert")
@FILE
@click.option("--output", type=NEW, help="Write the result there instead of printing it.")
def convert_rules(file: Path, output: Path | None) -> None:
    """Print the rules file FILE with its MVEL turned into plain rules, where that says exactly the same.

    Which rules are left alone, and why, is said on the error output.
    """
    try:
        made = convert(read_text(file))
    except SettingsError as error:
        fail(error, file)
    if output is None:
        click.echo(made.text, nl=not made.text.endswith("\n"))
    else:
        _write(output, made.text)
    _report(file, made)


def _report(file: Path, made: Converted) -> None:
    """On the error output: the rules themselves may be on the other one."""
    for left in made.left_alone:
        click.echo(f"line {left.line}: rule {left.name} is left alone: {left.because}", err=True)
    counts = f"{_counted(len(made.converted), 'rule')} converted, {len(made.left_alone)} left alone"
    click.echo(f"{file}: {counts}, {made.plain} plain before", err=True)
    if made.converted:
        click.echo(DIFFERENCES, err=True)


DIFFERENCES = (
    "Converted rules differ from their MVEL in two cases: where MVEL fails, since a header that it calls a method on was"
    " not sent, the plain rule does not apply; and of a header that is sent several times, MVEL knows the first value,"
    " a plain rule each."
)


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8", newline="")
    except OSError as error:
        click.echo(f"{path}: cannot be written: {(error.strerror or type(error).__name__).lower()}", err=True)
        sys.exit(1)


def _counted(count: int, word: str) -> str:
    return f"{count} {word}{'' if count == 1 else 's'}"
