import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from bench.__main__ import divided
from bench.figures import Key, Pair
from bench.measuring import QUICK, Place
from bench.tiers import CPU, measure_tiers, of_lookups

LOOKUPS = {"in_process", "coordinator", "valkey_find", "valkey_keep", "history_find"}
OF_TIERS = {
    *(key for keys in CPU.values() for key in keys),
    *(Key(f"{lookup}_{rank}") for lookup in LOOKUPS for rank in ("p50", "p99")),
    *(Key.SUBMISSION_RULES_RATIO, Key.RULES, Key.ANALYSIS, Key.ANALYSIS_SPEED),
    *(Key.SUBMISSIONS_BOTH_PER_SECOND, Key.SUBMISSION_BOTH_CORE_IN_USE, Key.HISTORY_BATCHES, Key.DATABASE_COMMITS),
}


def test_both_ranks_of_a_lookup_become_figures() -> None:
    assert of_lookups({"valkey_find": [150.0, 400.0]}) == {
        Key.VALKEY_FIND_P50: [Pair(None, 150.0)],
        Key.VALKEY_FIND_P99: [Pair(None, 400.0)],
    }


def test_a_lookup_that_nobody_knows_is_no_figure() -> None:
    with pytest.raises(ValueError, match="unheard_of_p50"):
        of_lookups({"unheard_of": [1.0, 2.0]})


@pytest.mark.soak
@pytest.mark.skipif(not (shutil.which("nginx") and shutil.which("wrk")), reason="nginx or wrk is not installed")
@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="two cores are needed")
def test_every_figure_of_the_tiers_is_measured_on_real_servers(tmp_path: Path) -> None:
    plan = replace(QUICK, tier_repetitions=1, everyday_seconds=3, lookups=500)

    readings = measure_tiers(plan, Place(tmp_path, *divided(os.sched_getaffinity(0))), lambda line: None)

    assert readings.keys() == OF_TIERS
    assert all(pair.nginx is None and pair.warren > 0 for pairs in readings.values() for pair in pairs)
