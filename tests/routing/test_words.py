import pytest

from warren.model import Health, HealthStatus
from warren.routing.words import NAME_LIMIT, health_in_words, shown


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("etl", "etl"),
        ("Fünf Türme", "Fünf Türme"),
        ("a\nb\x00c\u2028", "a?b?c?"),
        ("x" * NAME_LIMIT, "x" * NAME_LIMIT),
        ("x" * (NAME_LIMIT + 1), "x" * NAME_LIMIT + "…"),
    ],
)
def test_a_name_is_shown_printable_and_short(name: str, words: str) -> None:
    assert shown(name) == words


@pytest.mark.parametrize(
    ("health", "words"),
    [
        (Health(HealthStatus.UNHEALTHY, "connection refused"), "unhealthy, connection refused"),
        (Health(HealthStatus.UNHEALTHY), "unhealthy"),
        (Health(HealthStatus.PENDING, "is starting"), "pending, is starting"),
        (Health(HealthStatus.UNKNOWN, "not checked yet"), "not checked yet"),
        (Health(HealthStatus.UNKNOWN), "unknown"),
    ],
)
def test_a_health_is_said_in_words(health: Health, words: str) -> None:
    assert health_in_words(health) == words
