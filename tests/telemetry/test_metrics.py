import re

import pytest

from warren.telemetry.metrics import WORKER, Kind, Metric

UNITS = ("_seconds", "_bytes")


@pytest.mark.parametrize("metric", Metric, ids=lambda metric: metric.value.name)
def test_names_follow_the_conventions_of_prometheus(metric: Metric) -> None:
    family = metric.value
    assert re.fullmatch(r"(warren|process)(_[a-z]+)+", family.name)
    assert family.name.endswith("_total") == (family.kind is Kind.COUNTER)
    if family.kind is Kind.HISTOGRAM:
        assert family.name.endswith(UNITS)
    assert not family.name.endswith(("_bucket", "_sum", "_count", "_created"))


@pytest.mark.parametrize("metric", Metric, ids=lambda metric: metric.value.name)
def test_labels_are_of_the_few_kinds_whose_values_are_few(metric: Metric) -> None:
    known = {
        "cluster",
        "status",
        "error",
        "outcome",
        "by",
        "tier",
        "server",
        "breaker",
        "state",
        "where",
        "version",
        "slot",
    }
    assert set(metric.value.labels) <= known
    assert WORKER not in metric.value.labels


def test_every_name_stands_there_once() -> None:
    names = [metric.value.name for metric in Metric]
    assert len(set(names)) == len(names) > 40


def test_what_only_grows_is_added_over_workers() -> None:
    assert all(metric.value.kind is Kind.GAUGE for metric in Metric if metric.value.of_each)
