"""A report for a terminal: tables of at most a hundred columns."""

from collections.abc import Mapping, Sequence
from typing import TextIO

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from warren.replay.report import Report
from warren.replay.shown.document import iso
from warren.replay.shown.loads import by_hour, gathered, hour_words, peak
from warren.replay.statement import Place, in_words, printable

WIDTH = 100
MOST_MOVES = 40
MOST_EXPLAINED = 12
"""Moves with examples; the JSON and the page have those of all."""
COLUMNS = 5
"""Places that stand side by side."""
NO_RULE = "no rule"


def show(report: Report, out: TextIO) -> None:
    console = Console(file=out, highlight=False, markup=False, emoji=False)
    if not console.is_terminal or console.width > WIDTH:
        console = Console(file=out, highlight=False, markup=False, emoji=False, width=WIDTH)
    _head(console, report)
    if report.moves:
        _moves(console, report)
        _examples(console, report)
    if report.rules and report.tally.statements:
        _rules(console, report)
    if report.loads:
        _loads(console, report)
        _hours(console, report)
    for note in report.notes:
        console.print(f"note: {note}")
    for bad in report.source.first_bad:
        console.print(f"left out: {printable(bad, 300)}")
    if (more := report.source.bad - len(report.source.first_bad)) > 0:
        console.print(f"left out: {more:,} more lines")


def _head(console: Console, report: Report) -> None:
    tally, source = report.tally, report.source
    console.print(f"statements: {source.statements}")
    console.print(f"after:      {source.rules}")
    console.print(f"before:     {source.before}")
    if tally.first is None or tally.last is None:
        console.print("\nThere are no statements to replay.")
        return
    known = tally.statements - tally.unknown
    share = f" ({100 * tally.moved / known:.1f} %)" if known else ""
    console.print(f"period:     {iso(tally.first)} to {iso(tally.last)}")
    console.print(f"\n{tally.moved:,} of {tally.statements:,} statements would move{share}.", style="bold")


def _table(*columns: str, numbers: Sequence[str] = ()) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        right = column in numbers
        table.add_column(column, justify="right" if right else "left", no_wrap=right, overflow="fold")
    return table


def _moves(console: Console, report: Report) -> None:
    with_before = any(move.rule_before for move in report.moves)
    columns = ["from", *(["by rule"] if with_before else []), "to", "statements", "by rule"]
    table = _table(*columns, numbers=("statements",))
    for move in report.moves[:MOST_MOVES]:
        before = [_rule_name(move.rule_before)] if with_before else []
        after = [in_words(move.after), f"{move.count:,}", _rule_name(move.rule)]
        table.add_row(in_words(move.before), *before, *after)
    console.print("Moves", style="bold")
    console.print(table)
    if (more := len(report.moves) - MOST_MOVES) > 0:
        console.print(f"and {more:,} more kinds of moves, which --json has\n")


def _rule_name(name: str | None) -> str:
    return NO_RULE if name is None else printable(name, 60)


def _examples(console: Console, report: Report) -> None:
    for move in report.moves[:MOST_EXPLAINED]:
        if not move.examples:
            continue
        console.print(f"{in_words(move.before)} → {in_words(move.after)}: {printable(move.because, 200)}")
        for each in move.examples:
            who = f"{each.user or '-'} / {each.source or '-'}"
            console.print(f"  {each.name}  {iso(each.when)}  {who}", no_wrap=True, overflow="ellipsis")
            console.print(f"    {each.sql}", no_wrap=True, overflow="ellipsis")
    console.print()


def _rules(console: Console, report: Report) -> None:
    numbers = ("line", "applied", "decided", "moved", "failed")
    table = _table("rule", *numbers, "cannot see", numbers=numbers)
    for rule in report.rules:
        counts = (f"{count:,}" for count in (rule.line, rule.applied, rule.decided, rule.moved, rule.failed))
        table.add_row(printable(rule.name, 60), *counts, printable(", ".join(rule.unseen), 200))
    table.add_row(NO_RULE, "", "", f"{report.default_decided:,}", "", "", "")
    console.print("Rules, in the order in which they run", style="bold")
    console.print(table)


def _loads(console: Console, report: Report) -> None:
    numbers = ("before", "after", "change", "busiest hour before", "busiest hour after")
    seconds = ("hours before", "hours after") if report.tally.has_seconds else ()
    table = _table("group", *numbers, *seconds, numbers=(*numbers, *seconds))
    for place, hours in gathered(report.loads, MOST_MOVES).items():
        before, after = sum(each.before for each in hours.values()), sum(each.after for each in hours.values())
        row = [f"{before:,}", f"{after:,}", f"{after - before:+,}", peak(hours, "before"), peak(hours, "after")]
        if seconds:
            row.append(f"{sum(each.seconds_before for each in hours.values()) / 3600:,.2f}")
            row.append(f"{sum(each.seconds_after for each in hours.values()) / 3600:,.2f}")
        table.add_row(in_words(place), *row)
    console.print("Load of each group", style="bold")
    console.print(table)


def _hours(console: Console, report: Report) -> None:
    places = gathered(report.loads, COLUMNS)
    title, rows = by_hour(places)
    names: Mapping[Place, str] = {place: printable(in_words(place), 15) for place in places}
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("hour (UTC)", no_wrap=True)
    for name in names.values():
        table.add_column(name, justify="right", no_wrap=True)
    for hour, loads in rows.items():
        cells = [loads.get(place) for place in places]
        table.add_row(hour_words(hour), *(f"{each.before:,} → {each.after:,}" if each else "" for each in cells))
    console.print(title, style="bold")
    console.print(table)
