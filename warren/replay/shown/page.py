"""A report as one HTML file: no network, no script; it can be mailed, and opened from a disk."""

from collections.abc import Iterable, Iterator, Sequence
from html import escape
from importlib.resources import files

from warren.replay.report import Move, Report
from warren.replay.shown.chart import chart
from warren.replay.shown.document import iso
from warren.replay.shown.loads import MOST_SERIES, by_hour, gathered, hour_words, peak
from warren.replay.statement import in_words, printable

MOST_MOVES = 500
NO_RULE = "no rule"
STYLE_SHEET = "page.css"


def as_html(report: Report) -> str:
    style = files("warren.replay.shown").joinpath(STYLE_SHEET).read_text()
    body = "\n".join(
        [*_head(report), *_notes(report), *_chart(report), *_moves(report), *_rules(report), *_hours(report)]
    )
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>Warren: what new rules would move</title>\n<style>\n{style}</style>\n</head>\n<body>\n<main>\n"
        f"{body}\n</main>\n</body>\n</html>\n"
    )


def _head(report: Report) -> Iterator[str]:
    tally, source = report.tally, report.source
    yield "<h1>What new rules would move</h1>"
    if tally.first is None or tally.last is None:
        yield "<p>There are no statements to replay.</p>"
    else:
        known = tally.statements - tally.unknown
        share = f"{100 * tally.moved / known:.1f} %" if known else "–"
        tiles = (
            (f"{tally.moved:,}", "statements would move"),
            (share, "of those with a known group"),
            (f"{tally.statements:,}", "statements replayed"),
            (f"{len(report.moves):,}", "kinds of moves"),
        )
        yield '<ul class="tiles">'
        yield from (f"<li><strong>{number}</strong> {escape(words)}</li>" for number, words in tiles)
        yield "</ul>"
    yield '<dl class="about">'
    yield f"<dt>statements</dt><dd>{_words(source.statements)}</dd>"
    yield f"<dt>after</dt><dd>{_words(source.rules)}</dd>"
    yield f"<dt>before</dt><dd>{_words(source.before)}</dd>"
    if tally.first is not None and tally.last is not None:
        yield f"<dt>period</dt><dd>{iso(tally.first)} to {iso(tally.last)}</dd>"
    yield "</dl>"


def _notes(report: Report) -> Iterator[str]:
    bad = [f"Left out: {each}" for each in report.source.first_bad]
    if (more := report.source.bad - len(bad)) > 0:
        bad.append(f"Left out: {more:,} more lines")
    if lines := [*report.notes, *bad]:
        yield '<ul class="notes">'
        yield from (f"<li>{escape(printable(line, 500))}</li>" for line in lines)
        yield "</ul>"


def _chart(report: Report) -> Iterator[str]:
    if not (drawn := chart(report.loads)):
        return
    yield "<h2>Load of each group</h2>"
    yield (
        '<p class="legend"><span class="swatch before"></span> before <span class="swatch after"></span> after,'
        " in the colour of the group. Each group has a scale of its own.</p>"
    )
    yield f'<div class="wide">{drawn}</div>'
    rows = []
    for place, hours in report.loads.items():
        before, after = sum(each.before for each in hours.values()), sum(each.after for each in hours.values())
        counts = (f"{before:,}", f"{after:,}", f"{after - before:+,}", peak(hours, "before"), peak(hours, "after"))
        rows.append((in_words(place), *counts))
    numbers = ("before", "after", "change", "busiest hour before", "busiest hour after")
    yield from _table(("group", *numbers), rows[:MOST_MOVES], numbers=numbers)


def _moves(report: Report) -> Iterator[str]:
    if not report.moves:
        return
    yield "<h2>Moves</h2>"
    for move in report.moves[:MOST_MOVES]:
        yield from _one_move(move)
    if (more := len(report.moves) - MOST_MOVES) > 0:
        yield f"<p>And {more:,} more kinds of moves, which the JSON has.</p>"


def _one_move(move: Move) -> Iterator[str]:
    was = f' <span class="by">by {_words(move.rule_before)}</span>' if move.rule_before else ""
    yield (
        f'<details><summary><span class="count">{move.count:,}</span> {_words(in_words(move.before))}{was}'
        f' <span class="arrow">→</span> {_words(in_words(move.after))}'
        f' <span class="by">by {_words(move.rule or NO_RULE)}</span></summary>'
    )
    yield f"<p>{_words(move.because)}</p>"
    rows = [(each.name, iso(each.when), each.user, each.source, each.sql) for each in move.examples]
    if rows:
        yield from _table(("statement", "time", "user", "source", "SQL"), rows)
    yield "</details>"


def _rules(report: Report) -> Iterator[str]:
    if not report.rules:
        return
    yield "<h2>Rules, in the order in which they run</h2>"
    rows = [
        (
            printable(rule.name, 100),
            *(f"{count:,}" for count in (rule.line, rule.applied, rule.decided, rule.moved, rule.failed)),
            ", ".join(rule.unseen),
        )
        for rule in report.rules
    ]
    rows.append((NO_RULE, "", "", f"{report.default_decided:,}", "", "", ""))
    numbers = ("line", "applied", "decided", "moved", "failed")
    yield from _table(("rule", *numbers, "looks at, and is not known here"), rows, numbers=numbers)


def _hours(report: Report) -> Iterator[str]:
    if not report.loads:
        return
    places = gathered(report.loads, MOST_SERIES)
    title, rows = by_hour(places)
    yield f"<h2>{escape(title)}</h2>"
    names = tuple(printable(in_words(place), 40) for place in places)
    cells = [
        (
            hour_words(hour),
            *(f"{loads[place].before:,} → {loads[place].after:,}" if place in loads else "" for place in places),
        )
        for hour, loads in rows.items()
    ]
    yield from _table(("hour (UTC)", *names), cells, numbers=names)


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]], *, numbers: Sequence[str] = ()) -> Iterator[str]:
    kinds = [' class="number"' if column in numbers else "" for column in columns]
    yield '<div class="wide"><table><thead><tr>'
    yield "".join(f"<th{kind}>{escape(column)}</th>" for kind, column in zip(kinds, columns, strict=True))
    yield "</tr></thead><tbody>"
    for row in rows:
        cells = (f"<td{kind}>{escape(cell)}</td>" for kind, cell in zip(kinds, row, strict=True))
        yield f"<tr>{''.join(cells)}</tr>"
    yield "</tbody></table></div>"


def _words(text: str) -> str:
    return escape(printable(text, 300))
