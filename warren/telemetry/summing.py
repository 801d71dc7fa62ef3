"""The samples of several workers as those of one gateway, and as JSON on their way between the workers.

Eight workers with two hundred clusters have 32,000 samples: a sixth of a second's work, done in pieces.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final

import orjson

from warren.telemetry.histogram import SECONDS, Distribution
from warren.telemetry.metrics import Kind, Metric, Sample
from warren.telemetry.pieces import in_pieces

LARGEST: Final = 16 * 1024 * 1024
"""Bytes of what one worker says: a thousand clusters take some two million."""
LONGEST_LABEL: Final = 1000
COUNT_AT_MOST: Final = 2**53
"""Up to here a number of JSON is exact; no counter of ours comes near it."""

BY_NAME: Final[Mapping[str, Metric]] = {metric.value.name: metric for metric in Metric}


async def added(by_worker: Mapping[str, Iterable[Sample]]) -> list[Sample]:
    """One sample for each family and labels, their sum; but one of each worker where sums mean nothing."""
    of_each: list[Sample] = []
    sums: dict[tuple[Metric, tuple[str, ...]], Sample] = {}
    for worker, samples in by_worker.items():
        async for piece in in_pieces(samples):
            for sample in piece:
                if sample.metric.value.of_each:
                    of_each.append(replace(sample, worker=worker))
                    continue
                key = (sample.metric, sample.labels)
                sums[key] = _plus(sums[key], sample) if key in sums else sample
    return [*sums.values(), *of_each]


def _plus(one: Sample, other: Sample) -> Sample:
    match one.value, other.value:
        case Distribution() as first, Distribution() as second:
            return replace(one, value=first + second)
        case (int() | float()) as first, (int() | float()) as second:
            return replace(one, value=first + second)
    raise ValueError(f"{one.metric.value.name} is a number and a distribution at once")


async def to_json(samples: Iterable[Sample]) -> bytes:
    """What one worker tells another."""
    told: list[object] = []
    async for piece in in_pieces(samples):
        told += [(sample.metric.value.name, sample.labels, _plain(sample.value)) for sample in piece]
    return orjson.dumps(told)


def _plain(value: float | Distribution) -> object:
    return [value.counts, value.sum] if isinstance(value, Distribution) else value


async def from_json(text: bytes) -> list[Sample]:
    """What another worker told, each of it checked. Raises ValueError for anything that no worker says.

    Names that are not in the table are passed over: while workers are replaced, one may be of another version.
    """
    if len(text) > LARGEST:
        raise ValueError(f"the samples have {len(text)} bytes; at most {LARGEST} are read")
    told = orjson.loads(text)
    if not isinstance(told, list):
        raise ValueError("the samples are no list")
    found: list[Sample] = []
    async for piece in in_pieces(told):
        found += [sample for each in piece if (sample := _sample(each)) is not None]
    return found


def _sample(told: object) -> Sample | None:
    match told:
        case [str() as name, list() as labels, value]:
            metric = BY_NAME.get(name)
            return Sample(metric, _labels(metric, labels), _value(metric, value)) if metric is not None else None
    raise ValueError("a sample is not of the form [name, labels, value]")


def _labels(metric: Metric, told: Sequence[object]) -> tuple[str, ...]:
    labels = tuple(each for each in told if isinstance(each, str) and len(each) <= LONGEST_LABEL)
    if len(labels) != len(told) or len(labels) != len(metric.value.labels):
        raise ValueError(f"the labels of {metric.value.name} are not {len(metric.value.labels)} short texts")
    return labels


def _value(metric: Metric, told: object) -> float | Distribution:
    kind = metric.value.kind
    match told:
        case [list() as counts, (int() | float()) as total] if kind is Kind.HISTOGRAM:
            if len(counts) == len(SECONDS) + 1 and all(map(_is_count, counts)) and _is_number(total) and total >= 0:
                return Distribution(tuple(counts), float(total))
        case (int() | float()) as number if kind is not Kind.HISTOGRAM and _is_number(number):
            if kind is Kind.GAUGE or number >= 0:
                return number
    raise ValueError(f"the value of {metric.value.name} is none for a {kind.value}")


def _is_count(told: object) -> bool:
    return isinstance(told, int) and not isinstance(told, bool) and 0 <= told <= COUNT_AT_MOST


def _is_number(told: float) -> bool:
    return not isinstance(told, bool) and math.isfinite(told) and abs(told) <= COUNT_AT_MOST
