import json

from bench.figures import Key, Pair, figures
from bench.report import as_json, as_markdown, processor, version

FOUND = figures(
    {
        Key.POLL_CPU: [Pair(10, 14)],
        Key.POLLS_PER_SECOND: [Pair(40000, 30000)],
        Key.LARGE_ANSWER_CPU: [Pair(1000, 1500)],
        Key.STREAM_GROWTH: [Pair(0, 0.25)],
    }
)
FACTS = {"processor": "EPYC", "cores": "2"}


def test_the_table_has_a_row_for_each_figure_with_its_goal_and_whether_it_is_met() -> None:
    lines = as_markdown(FOUND, FACTS, run="quick").splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:6]]

    assert cells == [
        ["CPU per poll, 32 connections (µs)", "14.0", "10.0", "1.40", "≤ 1.6 × nginx", "yes"],
        ["polls a second on one core (/s)", "30,000", "40,000", "0.75", "", ""],
        ["CPU per MiB, answers of 1 MiB (µs)", "1,500", "1,000", "1.50", "≤ 1 × nginx", "NO"],
        ["growth of memory during one long stream (MiB)", "0.25", "0.00", "–", "≤ 1 MiB", "yes"],
    ]
    assert len({len(line) for line in lines[:6]}) == 1, "columns stand below each other, so that it reads as plain text"


ALONE = figures({Key.POLL_CPU: [Pair(10, 14)], Key.VALKEY_FIND_P50: [Pair(None, 150)]})
"""The second is nothing that nginx does."""


def test_cells_of_what_nginx_does_not_do_stay_empty() -> None:
    line = as_markdown(ALONE, FACTS, run="quick").splitlines()[3]

    assert [cell.strip() for cell in line.strip("|").split("|")] == [
        "lookup in Valkey (L2), p50 (µs)",
        "150",
        *[""] * 4,
    ]


def test_programs_find_no_ratio_where_there_is_none() -> None:
    document = json.loads(as_json(ALONE, FACTS, run="quick"))

    assert [key for key in document if key.endswith("_ratio_to_nginx")] == ["poll_cpu_ratio_to_nginx"]
    assert document["figures"]["valkey_find_p50"]["warren"] == 150
    assert document["figures"]["valkey_find_p50"]["nginx"] is None


def test_the_table_says_where_and_how_it_was_measured() -> None:
    said = as_markdown(FOUND, FACTS, run="quick, 3 repetitions of 2 s")

    assert "- run: quick, 3 repetitions of 2 s\n- processor: EPYC\n- cores: 2\n" in said


def test_programs_find_the_ratios_at_the_top() -> None:
    document = json.loads(as_json(FOUND, FACTS, run="quick"))

    assert document["poll_cpu_ratio_to_nginx"] == 1.4
    assert document["large_answer_cpu_ratio_to_nginx"] == 1.5
    assert document["figures"]["poll_cpu"]["met"] is True
    assert document["figures"]["polls_per_second"]["goal"] is None
    assert document["machine"] == FACTS


def test_the_processor_is_named_where_the_kernel_does() -> None:
    assert processor("processor\t: 0\nmodel name\t: AMD EPYC 9000\nflags\t: a b\n") == "AMD EPYC 9000"
    assert processor("processor\t: 0\nBogoMIPS\t: 50.00\n")


def test_only_the_numbers_of_a_kernel_are_told() -> None:
    assert version("6.1.0-42-cloud-of-somebody") == "6.1.0"
    assert version("unknown") == "unknown"
