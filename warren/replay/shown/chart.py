"""The chart of a report: for each place the statements of each hour, before and after, as one SVG without scripts."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from typing import Final, Literal

from warren.replay.shown.loads import DAY, MOST_SERIES, Loads, gathered
from warren.replay.statement import OTHERS, Place, in_words, printable
from warren.replay.tally import Load

WIDTH: Final = 1000
LEFT: Final = 84
RIGHT: Final = 14
HEAD: Final = 24
"""Room for the name above each panel."""
PLOT: Final = 96
GAP: Final = 14
FOOT: Final = 46
MOST_STEPS: Final = 240
"""Of time, side by side; a longer period has longer steps."""
MOST_TICKS: Final = 9
STEPS: Final = (1, 2, 3, 6, 12, 24, 48, 168, 336, 744, 1488, 2976, 8784)
"""Hours."""
NICE: Final = (10, 12, 16, 20, 24, 30, 40, 50, 60, 80)
"""Ends of a scale, with zeros: halves of them are whole."""

Side = Literal["before", "after"]


@dataclass(frozen=True, slots=True)
class Axis:
    """Time from left to right, in steps of some hours."""

    first: int
    """The hour since 1970 at which the first step begins."""
    step: int
    count: int

    def x(self, hour: float) -> float:
        return LEFT + (hour - self.first) / (self.step * self.count) * (WIDTH - LEFT - RIGHT)

    def begins(self) -> range:
        return range(self.first, self.first + self.step * self.count, self.step)


def chart(loads: Loads) -> str:
    """Panels one below the other, each with a scale of its own; empty when there is nothing to draw."""
    places = gathered(loads, MOST_SERIES)
    hours = [hour for each in places.values() for hour in each]
    if not hours:
        return ""
    axis = _axis(min(hours), max(hours))
    height = len(places) * (HEAD + PLOT + GAP) + FOOT
    per = _step_words(axis.step)
    middle = f"translate(16 {(height - FOOT) / 2:.0f}) rotate(-90)"
    parts = [
        f'<svg class="chart" viewBox="0 0 {WIDTH} {height}" role="img" aria-labelledby="chart-title">',
        f'<title id="chart-title">Statements per {per}, before and after</title>',
        *_times(axis, len(places)),
        f'<text class="axis" transform="{middle}" text-anchor="middle">statements per {per}</text>',
    ]
    for number, (place, each) in enumerate(places.items()):
        series = "others" if place == OTHERS else f"s{number}"
        parts.extend(_panel(axis, place, _steps(axis, each), top=number * (HEAD + PLOT + GAP), series=series))
    return "\n".join([*parts, "</svg>"])


def _axis(first: int, last: int) -> Axis:
    step = next((step for step in STEPS if (last - first) // step + 2 <= MOST_STEPS), (last - first) // MOST_STEPS + 1)
    begin = first - first % min(step, DAY)
    return Axis(begin, step, (last - begin) // step + 1)


def _step_words(step: int) -> str:
    count, unit = (step // DAY, "day") if step % DAY == 0 else (step, "hour")
    return unit if count == 1 else f"{count:,} {unit}s"


def _steps(axis: Axis, hours: Mapping[int, Load]) -> list[Load]:
    steps = [Load() for _ in range(axis.count)]
    for hour, load in hours.items():
        steps[(hour - axis.first) // axis.step].add(load)
    return steps


def _times(axis: Axis, panels: int) -> Iterator[str]:
    """Lines through all panels at round times, and what time it is there."""
    span = axis.step * axis.count
    every = next((step for step in STEPS if span / step <= MOST_TICKS), span // MOST_TICKS + 1)
    bottom = panels * (HEAD + PLOT + GAP)
    begin = -(-axis.first // every) * every
    for hour in range(begin, axis.first + span + 1, every):
        x = axis.x(hour)
        yield f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="0" y2="{bottom - GAP}"/>'
        if x < WIDTH - 2 * RIGHT:
            yield f'<text class="tick" x="{x:.1f}" y="{bottom + 6}" text-anchor="middle">{_time_words(hour, every)}</text>'
    yield f'<text class="axis" x="{(WIDTH + LEFT) / 2:.0f}" y="{bottom + 30}" text-anchor="middle">time (UTC)</text>'


def _time_words(hour: int, every: int) -> str:
    moment = datetime.fromtimestamp(hour * 3600, UTC)
    if every % DAY == 0:
        return f"{moment:%a %d %b}" if every < 31 * DAY else f"{moment:%b %Y}"
    return f"{moment:%H:%M}" if hour % DAY else f"{moment:%d %b}"


def _panel(axis: Axis, place: Place, steps: list[Load], *, top: int, series: str) -> Iterator[str]:
    highest = nice_above(max(max(each.before, each.after) for each in steps))
    zero = top + HEAD + PLOT
    before, after = sum(each.before for each in steps), sum(each.after for each in steps)
    yield f'<g class="{series}">'
    yield (
        f'<text class="name" x="{LEFT}" y="{top + 16}">{escape(printable(in_words(place), 60))}'
        f'<tspan class="counts" dx="10">{before:,} before, {after:,} after</tspan></text>'
    )
    for value in (0, highest // 2, highest):
        y = zero - value / highest * PLOT
        yield f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
        yield f'<text class="tick" x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{value:,}</text>'
    yield from _shape(axis, steps, "before", zero=zero, scale=PLOT / highest)
    yield from _shape(axis, steps, "after", zero=zero, scale=PLOT / highest)
    yield from _hints(axis, steps, top=top + HEAD)
    yield "</g>"


def _shape(axis: Axis, steps: list[Load], side: Side, *, zero: int, scale: float) -> Iterator[str]:
    """A surface, and the line on top of it, in stairs: each step of time is as high as its number."""
    points: list[str] = []
    for hour, load in zip(axis.begins(), steps, strict=True):
        y = zero - (load.before if side == "before" else load.after) * scale
        points += [f"{axis.x(hour):.1f},{y:.1f}", f"{axis.x(hour + axis.step):.1f},{y:.1f}"]
    left, right = axis.x(axis.first), axis.x(axis.first + axis.step * axis.count)
    yield f'<path class="{side} area" d="M{left:.1f},{zero} L{" ".join(points)} L{right:.1f},{zero} Z"/>'
    yield f'<path class="{side} line" d="M{" L".join(points)}"/>'


def _hints(axis: Axis, steps: list[Load], *, top: int) -> Iterator[str]:
    """What a browser says of the step below the pointer."""
    width = axis.x(axis.first + axis.step) - axis.x(axis.first)
    for hour, load in zip(axis.begins(), steps, strict=True):
        if load.before or load.after:
            when = f"{datetime.fromtimestamp(hour * 3600, UTC):%Y-%m-%d %H:%M}"
            yield (
                f'<rect class="hint" x="{axis.x(hour):.1f}" y="{top}" width="{width:.1f}" height="{PLOT}">'
                f"<title>{when} UTC: {load.before:,} before, {load.after:,} after</title></rect>"
            )


def nice_above(number: int) -> int:
    """A round and even number that is at least as great, and not much greater."""
    if number <= NICE[0]:
        return max(2, number + number % 2)
    power = 1
    while True:
        for nice in NICE:
            if nice * power >= number:
                return nice * power
        power *= 10
