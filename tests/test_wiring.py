from pathlib import Path

import pytest

from warren.settings.load import parse
from warren.settings.root import Settings
from warren.wire.syntax.forwarded import Believe
from warren.wiring import (
    follow_patience,
    forwarding,
    other_patience,
    probe_headers,
    probe_seconds,
    runs_migrations,
    search_limits,
    serving_limits,
    submission_limits,
    upstream_limits,
)


def read(text: str) -> Settings:
    return parse(text, {}, directory=Path("/")).settings


@pytest.mark.parametrize(
    ("text", "believe"),
    [
        ("", Believe.SHAPE),
        ("serverConfig: {http-server.process-forwarded: 'true'}", Believe.ALL),
        ("serverConfig: {http-server.process-forwarded: false}", Believe.REFUSED),
        ("serverConfig: {http-server.process-forwarded: IGNORE}", Believe.NOTHING),
    ],
)
def test_what_clients_are_believed_follows_from_the_setting(text: str, believe: Believe) -> None:
    assert forwarding(read(text), "here").believe is believe


def test_instances_of_the_same_name_tell_each_other_apart() -> None:
    one, other = (forwarding(read(""), "here").pseudonym for _ in range(2))
    assert one.startswith(b"here-")
    assert one != other


def test_the_defaults_are_those_of_the_documentation() -> None:
    settings = read("")
    assert (follow_patience(settings), other_patience(settings)) == (25.0, 120.0)
    assert (submission_limits(settings).try_timeout, submission_limits(settings).timeout) == (8.0, 25.0)
    assert submission_limits(settings).body_kept == 1024 * 1024
    assert upstream_limits(settings).max_connections is None
    assert (search_limits(settings).at_once, search_limits(settings).at_once_per_client) == (50, 10)
    assert (serving_limits(settings, 7).idle_timeout, serving_limits(settings, 7).max_connections) == (200.0, 7)
    assert probe_seconds(settings) == 5.0


def test_no_wait_is_longer_than_the_longest_that_is_allowed() -> None:
    settings = read("routing: {asyncTimeout: 3s}")
    limits = submission_limits(settings), search_limits(settings)
    assert (limits[0].try_timeout, limits[0].timeout) == (3.0, 3.0)
    assert (limits[1].patience, limits[1].other_patience, follow_patience(settings)) == (3.0, 3.0, 3.0)
    settings = read("serverConfig: {proxy.http-client.request-timeout: 2s}")
    assert (submission_limits(settings).timeout, other_patience(settings)) == (2.0, 2.0)


def test_probes_carry_what_traffic_carries() -> None:
    carried = probe_headers(read(""), port=8080, secure=True, pseudonym="here-1")
    assert carried["Via"] == "1.1 here-1"
    assert carried["X-Forwarded-Proto"] == "https"
    without = probe_headers(read("routing: {forwardedHeadersEnabled: false}"), port=1, secure=False, pseudonym="here-1")
    assert list(without) == ["Via"]


@pytest.mark.parametrize(
    ("text", "runs"),
    [
        ("", True),
        ("dataStore: {jdbcUrl: 'jdbc:sqlite:/x'}", True),
        ("dataStore: {jdbcUrl: 'jdbc:sqlite:/x', runMigrationsEnabled: false}", False),
    ],
)
def test_tables_are_made_unless_that_is_forbidden(text: str, runs: bool) -> None:
    assert runs_migrations(read(text)) is runs
