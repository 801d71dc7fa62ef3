"""The keys of the top level, and the place for files."""

from pathlib import Path

import pytest

from warren.errors import SettingsError
from warren.settings.load import parse
from warren.settings.root import Settings, state_directory


def paths(*written: str) -> tuple[str, ...]:
    text = f"additionalStatementPaths: {list(written)}"
    return parse(text, {}, directory=Path("/etc")).settings.additional_statement_paths


def test_statement_paths_lose_their_trailing_slashes() -> None:
    assert paths("/ui/api/insights/ide/statement/", "/v2/statement") == (
        "/ui/api/insights/ide/statement",
        "/v2/statement",
    )


@pytest.mark.parametrize(
    "written",
    [
        ["relative/path/"],
        ["/v1/statement/additional"],
        ["/v1/statement"],
        ["/v1"],
        ["/api/v2", "/api/v2/statement"],
        ["/api/v2/statement", "/api/v2"],
        ["/v2/statement", "/v2/statement/"],
        ["/"],
        [""],
        ["/a/../b"],
        ["/a//b"],
        ["/a?b"],
        ["/a%2Fb"],
        ["/a b"],
        ["/ä"],
    ],
)
def test_statement_paths_that_could_be_taken_for_each_other_are_refused(written: list[str]) -> None:
    with pytest.raises(SettingsError) as refused:
        paths(*written)
    assert [problem.key for problem in refused.value.problems] == [f"additionalStatementPaths[{len(written) - 1}]"]


def test_each_statement_path_is_a_problem_of_its_own() -> None:
    with pytest.raises(SettingsError) as refused:
        paths("foo", "/v1/statement/x", "/a", "/a/b")
    assert [str(problem) for problem in refused.value.problems] == [
        "line 1: additionalStatementPaths[0]: foo: statement paths must be absolute: start with / and name a path",
        (
            "line 1: additionalStatementPaths[1]: /v1/statement/x: "
            "statement paths cannot be prefixes of each other, and this and /v1/statement are"
        ),
        (
            "line 1: additionalStatementPaths[3]: /a/b: "
            "statement paths cannot be prefixes of each other, and this and additionalStatementPaths[2] are"
        ),
    ]


@pytest.mark.parametrize(
    ("pattern", "path", "matches"),
    [
        ("/api/v1/custom/.*", "/api/v1/custom/users/123", True),
        ("/api/v1/custom/.*", "/api/v1/custom", False),
        ("/metrics", "/metrics", True),
        ("/metrics", "/metrics/extra", False),
        ("/metrics", "/x/metrics", False),
        ("/api/v[1-9]/.*", "/api/v10/x", False),
        ("/API/.*", "/api/x", False),
    ],
)
def test_a_whitelisted_path_matches_as_a_whole(pattern: str, path: str, matches: bool) -> None:
    settings = parse(f"extraWhitelistPaths: ['{pattern}']", {}, directory=Path("/etc")).settings
    assert (settings.extra_whitelist_paths[0].fullmatch(path) is not None) == matches


@pytest.mark.parametrize("pattern", ["[/api", "(?=x)", "(a)\\1", "*", "x{1001}"])
def test_a_pattern_that_cannot_run_in_linear_time_is_refused(pattern: str, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SettingsError) as refused:
        parse(f"extraWhitelistPaths: [/good, '{pattern}']", {}, directory=Path("/etc"))
    assert [problem.key for problem in refused.value.problems] == ["extraWhitelistPaths[1]"]
    assert capfd.readouterr().err == ""


def test_files_go_where_the_configuration_says(tmp_path: Path) -> None:
    said = parse("stateDirectory: state", {}, directory=tmp_path).settings
    assert state_directory(said, beside=tmp_path, environment={}) == tmp_path / "state"


def test_files_lie_beside_a_configuration_in_a_writable_directory(tmp_path: Path) -> None:
    assert state_directory(Settings(), beside=tmp_path, environment={}) == tmp_path


def test_files_go_to_the_user_where_the_configuration_is_read_only(tmp_path: Path) -> None:
    gone = tmp_path / "not-there"
    environment = {"XDG_STATE_HOME": str(tmp_path / "xdg")}
    assert state_directory(Settings(), beside=gone, environment=environment) == tmp_path / "xdg" / "warren"
    usual = Path.home() / ".local" / "state" / "warren"
    assert state_directory(Settings(), beside=None, environment={}) == usual
    assert state_directory(Settings(), beside=None, environment={"XDG_STATE_HOME": "relative"}) == usual
