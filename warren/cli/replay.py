"""`warren replay`: what changed rules would have done with statements of the past."""

import os
import re
import sys
import time
from collections.abc import Callable, Generator
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, NoReturn

import click

from warren.cli.failures import fail
from warren.errors import Problem, SettingsError, StoreUnavailable
from warren.process import database_of
from warren.replay.in_history import FromHistory
from warren.replay.judging import Terms
from warren.replay.lines import FromLines, milliseconds, writing_to
from warren.replay.period import Period
from warren.replay.pool import judged, usable_cores
from warren.replay.report import Report, Source, report_of
from warren.replay.shown.document import as_json
from warren.replay.shown.page import as_html
from warren.replay.shown.progress import telling
from warren.replay.shown.tables import show as show_tables
from warren.replay.statement import LATEST_MS, Statement
from warren.replay.tally import Tally
from warren.replay.unseen import Known, unseen
from warren.routing.rules.rule import RuleSet
from warren.rulebook.reading import read_rules
from warren.rulebook.rulebook import read_text
from warren.settings.load import load
from warren.settings.root import Settings, state_directory
from warren.settings.units import WrongValue, seconds
from warren.telemetry.logs import configure_logging

USUAL_SINCE: Final = "7d"
MOST_PROCESSES: Final = 8
INTERRUPTED: Final = 130
SOMETHING_MOVES: Final = 3
STANDARD_OUTPUT: Final = Path("-")

Chunks = Generator[list[Statement], None, None]

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
NEW_FILE = click.Path(dir_okay=False, path_type=Path)


class Moment(click.ParamType[int]):
    """A duration before now, or an ISO date or time; milliseconds since 1970."""

    name = "moment"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        text = str(value)
        try:
            if re.fullmatch(r"\d+(\.\d+)?\s*[a-z]+", text):
                return max(0, int((time.time() - seconds(text)) * 1000))
            return min(max(0, milliseconds(text)), LATEST_MS)
        except (ValueError, OverflowError) as wrong:
            remedy = (
                wrong.remedy
                if isinstance(wrong, WrongValue)
                else "write a time such as 7d, 2026-11-01 or 2026-11-01T09:30"
            )
            self.fail(remedy, param, ctx)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What stands on the command line."""

    config: Path
    rules: Path | None
    statements: Path | None
    since: int | None
    until: int | None
    before: Path | None
    limit: int | None
    write_statements: Path | None
    show: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What is tried, ready to run."""

    terms: Terms
    rules: RuleSet | None
    before: RuleSet | None
    rules_words: str


@click.command()
@click.argument("config", type=FILE)
@click.option("--rules", type=FILE, help="Try this rules file, instead of the one that CONFIG names.")
@click.option("--statements", type=FILE, help="Take statements from this file of JSON lines, not from the history.")
@click.option("--since", type=Moment(), help=f"From then on: 7d, or 2026-11-01. History: {USUAL_SINCE} unless given.")
@click.option("--until", type=Moment(), help="Up to then: 1d, or 2026-11-01T09:30.")
@click.option("--before", type=FILE, help="Compare with what this rules file says, not with what was recorded.")
@click.option("--limit", type=click.IntRange(1), help="Replay so many statements, the first ones.")
@click.option("--show", type=click.IntRange(0, 1000), default=3, show_default=True, help="Examples of each move.")
@click.option(
    "--json", "json_file", type=NEW_FILE, help="Write all of it as JSON; - is standard output, without tables."
)
@click.option("--html", "html_file", type=NEW_FILE, help="Write a page with a chart.")
@click.option("--write-statements", type=NEW_FILE, help="Write the statements as JSON lines, to be edited.")
@click.option("--fail-if-moved", is_flag=True, help=f"Exit code {SOMETHING_MOVES} when something moves.")
def replay(*, json_file: Path | None, html_file: Path | None, fail_if_moved: bool, **options: object) -> None:
    """Say what the rules of CONFIG would have done with statements of the past: which move, where, and by which rule.

    Statements come from the query history in the database that CONFIG names, or from a file. Nothing is sent to a cluster.
    """
    configure_logging()
    asked = Asked(**options)  # type: ignore[arg-type] # click has made them from the declarations above
    try:
        report = _report(asked)
        if html_file is not None:
            html_file.write_text(as_html(report), encoding="utf-8")
        if json_file is not None and json_file != STANDARD_OUTPUT:
            json_file.write_bytes(as_json(report))
        if json_file == STANDARD_OUTPUT:
            sys.stdout.write(as_json(report).decode())
        else:
            show_tables(report, sys.stdout)
    except KeyboardInterrupt:
        click.echo("interrupted", err=True)
        sys.exit(INTERRUPTED)
    except StoreUnavailable as error:
        _fail(f"the history cannot be read: {error}")
    except BrokenProcessPool:
        _fail("a process that judged statements was killed: perhaps the memory does not suffice")
    except OSError as error:
        _fail(f"{error.filename or 'a file'}: {(error.strerror or type(error).__name__).lower()}")
    if report.source.bad and not report.tally.statements:
        _fail(f"{asked.statements}: no line of it is a statement")
    if fail_if_moved and report.tally.moved:
        sys.exit(SOMETHING_MOVES)


def _report(asked: Asked) -> Report:
    settings, trial = _trial(asked)
    now = int(time.time() * 1000)
    with ExitStack() as stack:
        source, about = _source(asked, settings, now, stack)
        limited = Limited(source, asked.limit)
        chunks = limited.chunks()
        # Closed here, and not by chance: a connection to a database may hang on it.
        stack.callback(chunks.close)
        if asked.write_statements is not None:
            chunks = _each(chunks, writing_to(stack.enter_context(asked.write_statements.open("wb"))))
        tell = stack.enter_context(telling(sys.stderr))
        cores = min(usable_cores(), MOST_PROCESSES)
        tally = judged(
            chunks, trial.terms, processes=cores, after_each=lambda total: tell(source.share, total.statements)
        )
    return _reported(tally, trial, asked, source, replace(about, limited=asked.limit if limited.is_cut else None))


def _reported(tally: Tally, trial: Trial, asked: Asked, source: FromHistory | FromLines, about: Source) -> Report:
    known = Known()
    if isinstance(source, FromLines):
        known = Known(source.headers, source.has_addresses)
        about = replace(about, bad=source.bad, first_bad=tuple(source.first_bad), is_history=False)
    text, rules = trial.terms.rules, trial.rules
    return report_of(
        tally,
        replace(
            about,
            rules=trial.rules_words,
            before="the group that was recorded" if asked.before is None else f"rules of {asked.before}",
        ),
        rules=rules,
        before=trial.before,
        unseen=unseen(text, rules, known) if text is not None and rules is not None else (),
        shown=asked.show,
    )


@dataclass(slots=True)
class Limited:
    """The first statements of a source."""

    source: FromHistory | FromLines
    most: int | None
    is_cut: bool = False
    """There were more."""

    def chunks(self) -> Chunks:
        left = self.most
        for chunk in self.source:
            if left is not None and len(chunk) > left:
                self.is_cut = True
                if left:
                    yield chunk[:left]
                return
            yield chunk
            left = None if left is None else left - len(chunk)


def _each(chunks: Chunks, do: Callable[[list[Statement]], None]) -> Chunks:
    for chunk in chunks:
        do(chunk)
        yield chunk


def _source(asked: Asked, settings: Settings, now: int, stack: ExitStack) -> tuple[FromHistory | FromLines, Source]:
    if asked.statements is not None:
        period = Period(asked.since or 0, LATEST_MS if asked.until is None else asked.until)
        file = stack.enter_context(asked.statements.open("rb"))
        lines = FromLines(file, asked.statements.stat().st_size, period, now)
        return lines, Source(statements=str(asked.statements), rules="", before="")
    week_ago = now - int(seconds(USUAL_SINCE) * 1000)
    period = Period(week_ago if asked.since is None else asked.since, now if asked.until is None else asked.until)
    state = state_directory(settings, beside=asked.config.absolute().parent, environment=os.environ)
    history = FromHistory(database_of(settings, state=state, config=asked.config), period)
    return history, Source(statements=f"the history in {history.label}", rules="", before="")


def _trial(asked: Asked) -> tuple[Settings, Trial]:
    """Ends the command when something is wrong with one of the files."""
    try:
        settings = load(asked.config, os.environ).settings
        path = _rules_path(asked, settings)
    except SettingsError as error:
        fail(error, asked.config)
    analyzer = settings.request_analyzer_config
    text, rules = _rules(path, analyses=analyzer.analyze_request)
    text_before, before = _rules(asked.before, analyses=analyzer.analyze_request)
    terms = Terms(
        rules=text,
        before=text_before,
        default=settings.routing.default_routing_group,
        analyses=analyzer.analyze_request,
        max_body_size=analyzer.max_body_size,
        v2=analyzer.clients_use_v2_format,
        claim=analyzer.token_user_field,
        examples=max(asked.show, 1),
    )
    words = "the header X-Trino-Routing-Group, no rules" if path is None else f"rules of {path}"
    return settings, Trial(terms=terms, rules=rules, before=before, rules_words=words)


def _rules_path(asked: Asked, settings: Settings) -> Path | None:
    """The rules file to be tried; None when the header decides. Raises SettingsError for what cannot be replayed."""
    section = settings.routing_rules
    if asked.rules is not None:
        return asked.rules
    if section.asks_a_service:
        problem = "replay would ask a live service about statements of the past; name a rules file with --rules"
        raise SettingsError((Problem("routingRules.rulesType", None, "EXTERNAL", problem),))
    if section.rules_engine_enabled:
        return section.rules_config_path
    if asked.statements is None:
        remedy = (
            "without rules the header X-Trino-Routing-Group decides, which the history does not have;"
            " switch rules on, or name a file with --rules"
        )
        raise SettingsError((Problem("routingRules.rulesEngineEnabled", None, "false", remedy),))
    return None


def _rules(path: Path | None, *, analyses: bool) -> tuple[str | None, RuleSet | None]:
    if path is None:
        return None, None
    try:
        text = read_text(path)
        return text, read_rules(text, analyses=analyses)
    except SettingsError as error:
        fail(error, path)


def _fail(sentence: str) -> NoReturn:
    click.echo(sentence, err=True)
    sys.exit(1)
