"""The metrics on the operations page are those of the table, with their kinds and labels, and every query there names some."""

import re

from tests.docs.pages import DOCS
from warren.telemetry.metrics import WORKER, Metric

OPERATIONS = (DOCS / "operations.md").read_text()
ROW = re.compile(r"^\| `((?:warren|process)_[a-z_]+)` \| ((?:`[a-z]+` )*)\| ([a-z, ]+) \| .+ \|$", re.MULTILINE)
PARTS = re.compile(r"_(bucket|sum|count)$")


def test_every_metric_is_documented_with_its_kind_and_labels_and_every_documented_one_exists() -> None:
    written = {name: (kind, tuple(re.findall(r"`(\w+)`", labels))) for name, labels, kind in ROW.findall(OPERATIONS)}
    existing = {
        family.name: (family.kind.value + (", of each worker" if family.of_each else ""), family.labels)
        for family in (metric.value for metric in Metric)
    }
    assert written == existing


def test_every_metric_that_is_named_elsewhere_exists_with_the_labels_that_are_used() -> None:
    families = {metric.value.name: metric.value for metric in Metric}
    for page in (OPERATIONS, (DOCS / "migrating.md").read_text()):
        used = re.findall(r"\b((?:warren|process)_[a-z_]+[a-z])(?:\[\w+\])?(?:\{([^}]*)\})?", page)
        for name, conditions in used:
            if name in {
                "warren_client",
                "warren_upstream",
                "warren_alembic_version",
                "warren_leases",
                "warren_routing_reasons",
            }:
                continue  # families of names; tables
            family = families[PARTS.sub("", name)]
            assert set(re.findall(r"(\w+)!?=", conditions)) <= {*family.labels, WORKER}, name
