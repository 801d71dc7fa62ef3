"""Durations and sizes, both ways."""

import pytest

from warren.settings.units import WrongValue, duration_text, seconds, size, size_text, whole


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0s", 0.0),
        ("1ns", 1e-9),
        ("250us", 0.00025),
        ("500ms", 0.5),
        ("30s", 30.0),
        ("1.5h", 5400.0),
        ("2 m", 120.0),
        (" 1d ", 86400.0),
        ("1000d", 86_400_000.0),
        ("0.1s", 0.1),
    ],
)
def test_a_duration_is_a_number_and_a_unit(text: str, value: float) -> None:
    assert seconds(text) == value


@pytest.mark.parametrize(
    "text", ["", "10", "s", "-1s", "1 second", "1M", "1S", "1e3s", "1,5s", "١s", "1001d", "9" * 40 + "s", ".5s", "1s1s"]
)
def test_anything_else_is_no_duration(text: str) -> None:
    with pytest.raises(WrongValue):
        seconds(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [("0B", 0), ("1kB", 1024), ("32MB", 33_554_432), ("1.5 GB", 1_610_612_736), ("1TB", 1024**4), ("2PB", 2 * 1024**5)],
)
def test_a_size_is_in_powers_of_1024(text: str, value: int) -> None:
    assert size(text) == value


@pytest.mark.parametrize("text", ["", "1024", "1KB", "1kb", "1MiB", "-1B", "1 M", "9" * 40 + "B"])
def test_anything_else_is_no_size(text: str) -> None:
    with pytest.raises(WrongValue):
        size(text)


@pytest.mark.parametrize("text", ["0s", "1ns", "250us", "10ms", "1500ms", "90s", "30m", "5h", "7d"])
def test_a_duration_is_written_as_a_person_would(text: str) -> None:
    assert duration_text(seconds(text)) == text


@pytest.mark.parametrize("text", ["0B", "1500B", "64kB", "32MB", "1PB"])
def test_a_size_is_written_as_a_person_would(text: str) -> None:
    assert size_text(size(text)) == text


@pytest.mark.parametrize(
    ("text", "unit", "number"),
    [("2s", "ms", 2000), ("0.057s", "ms", 57), ("30m", "s", 1800), ("0s", "s", 0), ("1ns", "s", 1), ("1.5ms", "ms", 2)],
)
def test_a_duration_in_whole_units_is_rounded_up_so_that_a_short_one_is_not_none(
    text: str, unit: str, number: int
) -> None:
    assert whole(text, unit) == number
