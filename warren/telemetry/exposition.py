"""Samples as text for Prometheus and its kin, in slices, so that a long list holds nobody up."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import accumulate
from typing import Final

from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client import Metric as Lines
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.openmetrics import exposition as openmetrics
from prometheus_client.registry import Collector

from warren.telemetry.histogram import SECONDS, Distribution
from warren.telemetry.metrics import WORKER, Kind, Metric, Sample
from warren.telemetry.pieces import in_pieces

LINES_A_SLICE: Final = 100
"""Less than a millisecond's work."""
BOUNDS: Final = (*map(str, SECONDS), "+Inf")
END: Final = b"# EOF\n"
"""The last line in OpenMetrics. The library writes it after each family."""


class Form(Enum):
    """The two formats, by their content types."""

    OPENMETRICS = openmetrics.CONTENT_TYPE_LATEST
    TEXT = CONTENT_TYPE_PLAIN_0_0_4


def form_for(accept: str) -> Form:
    """OpenMetrics for those who offer to read its version 1.0, else what every scraper reads."""
    for offer in accept.lower().split(","):
        media, *parameters = (part.strip() for part in offer.split(";"))
        if media == "application/openmetrics-text":
            versions = {each.partition("=")[2] for each in parameters if each.startswith("version=")}
            if versions <= {"1.0.0"} and "q=0" not in parameters:
                return Form.OPENMETRICS
    return Form.TEXT


async def slices(samples: Iterable[Sample], form: Form) -> AsyncIterator[bytes]:
    """The whole text, family by family. The loop has its turn after each slice."""
    by_metric: dict[Metric, list[Sample]] = {}
    async for piece in in_pieces(samples):
        for sample in piece:
            by_metric.setdefault(sample.metric, []).append(sample)
    for metric in Metric:
        begun = False
        for part in _parts(by_metric.get(metric, ())):
            text = _text(_Family(metric, part), form)
            # Two lines say what the family is: at its beginning, and not again.
            yield text.split(b"\n", 2)[2] if begun else text
            begun = True
            await asyncio.sleep(0)
    if form is Form.OPENMETRICS:
        yield END


def _parts(samples: Sequence[Sample]) -> Iterator[Sequence[Sample]]:
    if samples:
        lines = len(BOUNDS) + 2 if samples[0].metric.value.kind is Kind.HISTOGRAM else 1
        size = max(LINES_A_SLICE // lines, 1)
        for start in range(0, len(samples), size):
            yield samples[start : start + size]


def _text(family: "_Family", form: Form) -> bytes:
    if form is Form.TEXT:
        return generate_latest(family)
    text: bytes = openmetrics.generate_latest(family)  # type: ignore[no-untyped-call] # typed elsewhere, not here
    return text.removesuffix(END)


@dataclass(frozen=True, slots=True)
class _Family(Collector):
    """Samples of one family, at least one, as the library wants to be given them."""

    metric: Metric
    samples: Sequence[Sample]

    def collect(self) -> Iterable[Lines]:
        family = self.metric.value
        labels = family.labels if self.samples[0].worker is None else (*family.labels, WORKER)
        match family.kind:
            case Kind.COUNTER:
                counter = CounterMetricFamily(family.name, family.help, labels=labels)
                for values, number in self._numbers():
                    counter.add_metric(values, number)
                return [counter]
            case Kind.GAUGE:
                gauge = GaugeMetricFamily(family.name, family.help, labels=labels)
                for values, number in self._numbers():
                    gauge.add_metric(values, number)
                return [gauge]
            case Kind.HISTOGRAM:
                histogram = HistogramMetricFamily(family.name, family.help, labels=labels)
                for values, held in self._distributions():
                    buckets = list(zip(BOUNDS, accumulate(held.counts), strict=True))
                    histogram.add_metric(values, buckets, held.sum)
                return [histogram]

    def _numbers(self) -> Iterator[tuple[Sequence[str], float]]:
        for sample in self.samples:
            assert not isinstance(sample.value, Distribution)
            yield _values(sample), sample.value

    def _distributions(self) -> Iterator[tuple[Sequence[str], Distribution]]:
        for sample in self.samples:
            assert isinstance(sample.value, Distribution)
            yield _values(sample), sample.value


def _values(sample: Sample) -> Sequence[str]:
    return sample.labels if sample.worker is None else (*sample.labels, sample.worker)
