"""Counters that never fall, made of those of a process that may: a cluster's begin anew with its address, and go with it."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from operator import lt
from typing import Final

from warren.telemetry.histogram import Distribution
from warren.telemetry.metrics import Kind, Metric, Sample
from warren.telemetry.pieces import in_pieces
from warren.telemetry.summing import added

STEP: Final = 2.0**-20
"""Of numbers with a fraction, all of which are seconds. Sums of whole steps are exact in any order (up to 250 years):
whoever reads a counter takes a fall by the last binary digit for a new beginning, too."""

Key = tuple[Metric, tuple[str, ...]]


def lasts(sample: Sample) -> bool:
    """Whether it still counts when its process has ended: a counter or a histogram, and no worker's own."""
    family = sample.metric.value
    return family.kind is not Kind.GAUGE and not family.of_each


class Lasting:
    """Remembers what was counted before a counter of this process began anew."""

    def __init__(self) -> None:
        self._before: Sequence[Sample] = ()
        """Sums of what counters held when they last were seen before they fell."""
        self._last: Mapping[Key, Sample] = {}

    async def of(self, samples: Iterable[Sample]) -> list[Sample]:
        """The samples, in which no counter or histogram is less than at the call before, nor their sums. One call at a time."""
        gauges: list[Sample] = []
        now: dict[Key, Sample] = {}
        async for piece in in_pieces(samples):
            gauges += [sample for sample in piece if not lasts(sample)]
            now |= {(sample.metric, sample.labels): _in_steps(sample) for sample in piece if lasts(sample)}
        if fell := await self._fallen(now):
            self._before = await added({"before": self._before, "fell": fell})
        self._last = now
        return [*gauges, *await added({"before": self._before, "now": now.values()})]

    async def _fallen(self, now: Mapping[Key, Sample]) -> list[Sample]:
        fell: list[Sample] = []
        async for piece in in_pieces(self._last.items()):
            fell += [last for key, last in piece if key not in now or _is_less(now[key], last)]
        return fell


def _in_steps(sample: Sample) -> Sample:
    if isinstance(sample.value, Distribution):
        return replace(sample, value=replace(sample.value, sum=_whole_steps(sample.value.sum)))
    return replace(sample, value=_whole_steps(sample.value))


def _whole_steps(number: float) -> float:
    return number if isinstance(number, int) else math.floor(number / STEP) * STEP


def _is_less(one: Sample, other: Sample) -> bool:
    match one.value, other.value:
        case Distribution() as first, Distribution() as second:
            return first.sum < second.sum or any(map(lt, first.counts, second.counts))
        case (int() | float()) as first, (int() | float()) as second:
            return first < second
    raise ValueError(f"{one.metric.value.name} is a number and a distribution at once")
