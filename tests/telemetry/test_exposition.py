import asyncio
import time
from collections.abc import Sequence

import pytest
from prometheus_client.parser import text_string_to_metric_families as read_text

from tests.fixtures.openmetrics import families as read_openmetrics
from tests.telemetry.turns import Turns
from warren.telemetry.exposition import Form, form_for, slices
from warren.telemetry.histogram import Histogram
from warren.telemetry.metrics import Kind, Metric, Sample

PROMETHEUS = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
    "application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
)


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        ("", Form.TEXT),
        ("*/*", Form.TEXT),
        ("text/plain", Form.TEXT),
        (PROMETHEUS, Form.OPENMETRICS),
        ("Application/OpenMetrics-Text", Form.OPENMETRICS),
        ("application/openmetrics-text; version=1.0.0", Form.OPENMETRICS),
        ("application/openmetrics-text; version=0.0.1", Form.TEXT),
        ("application/openmetrics-text; version=x\x00", Form.TEXT),
        ("application/openmetrics-text;q=0, text/plain", Form.TEXT),
        (";;,,=;", Form.TEXT),
    ],
)
def test_the_form_is_one_that_the_scraper_offers_to_read(accept: str, form: Form) -> None:
    assert form_for(accept) is form


def distribution() -> Sample:
    histogram = Histogram()
    for seconds in (0.0001, 0.3, 40.0):
        histogram.observe(seconds)
    return Sample(Metric.UPSTREAM_HEAD, ("blue",), histogram.now())


async def text_of(samples: Sequence[Sample], form: Form) -> str:
    return b"".join([piece async for piece in slices(samples, form)]).decode()


async def test_counters_gauges_and_histograms_are_read_back_as_they_were() -> None:
    samples = [
        Sample(Metric.CLIENT_CONNECTIONS, (), 7),
        Sample(Metric.STATEMENTS, ("taken",), 3),
        distribution(),
        Sample(Metric.STATEMENTS, ("refused",), 1),
    ]
    families = {family.name: family for family in read_openmetrics(await text_of(samples, Form.OPENMETRICS))}
    assert {name: family.type for name, family in families.items()} == {
        "warren_client_connections": "gauge",
        "warren_statements": "counter",
        "warren_upstream_head_seconds": "histogram",
    }
    statements = {each.labels["outcome"]: each.value for each in families["warren_statements"].samples}
    assert statements == {"taken": 3, "refused": 1}
    heads = families["warren_upstream_head_seconds"].samples
    buckets = {each.labels["le"]: each.value for each in heads if each.name.endswith("_bucket")}
    assert (buckets["0.0001"], buckets["0.25"], buckets["0.5"], buckets["30.0"], buckets["+Inf"]) == (1, 1, 2, 2, 3)
    assert [each.value for each in heads if each.name.endswith("_count")] == [3]


async def test_the_plain_form_holds_the_same_and_no_end_mark() -> None:
    text = await text_of([Sample(Metric.STATEMENTS, ("taken",), 3), distribution()], Form.TEXT)
    assert "# EOF" not in text
    assert "# TYPE warren_statements_total counter\n" in text
    assert {family.name for family in read_text(text)} == {"warren_statements", "warren_upstream_head_seconds"}


async def test_label_values_can_be_anything() -> None:
    name = 'a"b\\c\nd=}{, ü'
    text = await text_of([Sample(Metric.CLUSTER_ACTIVE, (name,), 1)], Form.OPENMETRICS)
    (family,) = read_openmetrics(text)
    assert family.samples[0].labels == {"cluster": name}


async def test_what_is_told_of_each_worker_carries_its_name() -> None:
    samples = [Sample(Metric.DATABASE_REACHABLE, (), up, worker) for worker, up in (("0", 1), ("1", 0))]
    (family,) = read_openmetrics(await text_of(samples, Form.OPENMETRICS))
    assert {each.labels["worker"]: each.value for each in family.samples} == {"0": 1, "1": 0}


async def test_every_family_of_the_table_can_be_written_and_read() -> None:
    held = Histogram().now()
    samples = [
        Sample(metric, tuple("x" for _ in metric.value.labels), held if metric.value.kind is Kind.HISTOGRAM else 1)
        for metric in Metric
    ]
    text = await text_of(samples, Form.OPENMETRICS)
    assert [family.name for family in read_openmetrics(text)] == [m.value.name.removesuffix("_total") for m in Metric]
    assert text.endswith("\n# EOF\n")


async def test_nothing_to_tell_is_a_valid_answer() -> None:
    assert await text_of([], Form.OPENMETRICS) == "# EOF\n"
    assert await text_of([], Form.TEXT) == ""


def many() -> list[Sample]:
    held = Histogram().now()
    return [
        sample
        for number in range(100)
        for sample in (
            Sample(Metric.UPSTREAM_HEAD, (f"cluster-{number}",), held),
            *(Sample(Metric.UPSTREAM_ANSWERS, (f"cluster-{number}", f"{digit}xx"), number) for digit in range(2, 6)),
        )
    ]


async def test_a_long_list_is_cut_into_slices_and_its_families_stay_whole() -> None:
    pieces = [piece async for piece in slices(many(), Form.OPENMETRICS)]
    assert len(pieces) > 20
    assert max(piece.count(b"\n") for piece in pieces) <= 102
    text = b"".join(pieces).decode()
    assert [len(family.samples) for family in read_openmetrics(text)] == [400, 2000]


async def test_the_loop_has_its_turn_between_slices() -> None:
    turns = Turns()
    async with asyncio.TaskGroup() as group:
        running = group.create_task(turns.take())
        pieces, longest = 0, 0.0
        began = time.thread_time()
        async for _ in slices(many(), Form.OPENMETRICS):
            pieces += 1
            longest = max(longest, time.thread_time() - began)
            await asyncio.sleep(0)
            began = time.thread_time()
        running.cancel()
    assert turns.count >= pieces - 1
    assert longest < 0.02  # a tenth of that on an idle machine
