"""What is in the repository beside the code: scripts, lock files, version, and that nothing names the place it was made in."""

import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

from warren import __version__

TESTS = Path(__file__).parent
ROOT = TESTS.parent
LOCKS = sorted((ROOT / "requirements").glob("*.lock"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
SOURCED = {"scripts/environment"}
"""Read by the other scripts, and no command."""

TESTED_ELSEWHERE = {
    "errors": "journeys: no behaviour; each is tested where it is raised",
    "model": "routing: frozen values without behaviour",
    "facts": "proxy/test_request_facts.py: frozen values, and how a request becomes them",
    "steering": "journeys/test_rules.py: whole gateways with rules and services",
    "explain": "cli/test_explain.py: one of its commands",
    "cli/failures": "cli/test_main.py: what commands say of files that they cannot use",
    "current": "clusters: one assignment",
    "app": "journeys: the whole of it is what they test",
    "measured": "journeys/test_metrics.py: what whole gateways say of themselves",
    "check": "cli/test_main.py: one of its commands",
    "__main__": "cli/test_main.py: one call",
    "demo/asking": "demo/test_story.py: what the demo asks, and shows",
    "demo/processes": "demo/test_story.py: what the demo starts, and leaves behind",
    "watching": "journeys/test_changes_told.py: the roster of whole gateways, and what keeps it true",
    "remembering": "journeys/test_many_gateways.py: the memory of whole gateways",
    "memory/tiers": "memory/test_recall.py: the shape of tiers, and counts",
    "memory/distributed/lanes": "memory/distributed/test_in_valkey.py: what becomes of a server in trouble",
    "drivers/migrations/": "drivers/test_sql_migrations.py: Alembic runs them",
    "history/counts": "history/test_history.py: numbers without behaviour",
    "clusters/monitors/monitor": "clusters/monitors/test_info_api.py: the protocol that monitors follow",
    "settings/section": "settings/test_load.py: kinds of values, tested by what a file may hold",
    "settings/sections": "settings/test_load.py: declarations",
    "settings/stores/store": "settings/stores/test_jdbc_urls.py: declarations, and the URLs in them",
    "settings/stores/jdbc_options": "settings/stores/test_jdbc_urls.py: the options of those URLs",
    "supervisor/launch": "supervisor/test_supervise.py: processes, started and ended as a host does",
    "supervisor/process": "supervisor/test_supervise.py: the same",
    "supervisor/worker": "supervisor/test_supervise.py: the same",
    "simulator/": "simulator/contract: asked as clients ask it; the same tests are held against a real Trino",
    "wire/client": "wire/test_slowness.py: the protocol between two others, and an error",
    "wire/exchange": "wire/test_conversations.py: the same",
    "wire/held": "wire/test_troubles.py: the same",
    "wire/inbound": "wire/test_conversations.py: the same",
    "wire/outbound": "wire/test_troubles.py: the same",
    "wire/serving": "wire/test_refusals.py: the same",
    "wire/ticker": "wire/test_deadlines.py: the same",
    "wire/upstream": "wire/test_troubles.py: the same",
}
"""Modules, and whole rooms, without a test file at their own path: where below tests/ they are tested instead, and why."""


def tracked() -> list[Path]:
    """The files of the repository, those that are about to be added included; other people's leftovers are not."""
    if shutil.which("git") is None:
        pytest.skip("git is not installed")
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT, capture_output=True
    )
    if listed.returncode:
        pytest.skip("this is no git checkout")
    names = (name for name in listed.stdout.decode().split("\0") if name)
    return [path for path in map(ROOT.joinpath, names) if path.is_file()]


@pytest.mark.parametrize(
    "script", [*sorted((ROOT / "scripts").iterdir()), ROOT / ".ci" / "run"], ids=lambda path: path.name
)
def test_scripts_are_commands(script: Path) -> None:
    name = str(script.relative_to(ROOT))
    if name in SOURCED:
        return
    assert os.access(script, os.X_OK), f"{name} is not executable"
    first, second, *_ = script.read_text().splitlines()
    assert first.startswith("#!/usr/bin/env "), f"{name} does not say who runs it"
    assert second.startswith(("# ", '"""')), f"{name} does not say what it is for"


def test_ci_calls_the_scripts_of_contributors_and_nothing_else() -> None:
    lines = (ROOT / ".ci" / "run").read_text().splitlines()
    called = [line for line in lines if line and not line.startswith(("#", "set ", "cd "))]
    assert called == ["scripts/check", "scripts/test"]


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def wanted(requirements: list[str]) -> dict[str, str]:
    """Name → version, empty when it is left open; this project's own extras are looked into."""
    found: dict[str, str] = {}
    for requirement in requirements:
        name, extras, version = re.fullmatch(
            r"([A-Za-z0-9._-]+)(?:\[([\w,-]+)\])?(?:==([\w.]+))?", requirement
        ).groups()  # type: ignore[union-attr] # a requirement of another form should fail here
        if normal(name) == PROJECT["name"]:
            for extra in extras.split(","):
                found |= wanted(PROJECT["optional-dependencies"][extra])
        else:
            found[normal(name)] = version or ""
    return found


LOCKED = {
    "run": [*PROJECT["dependencies"], "warren[postgres,mysql,demo,source]"],
    "dev": [*PROJECT["dependencies"], "warren[dev]"],
    "fuzz": [*PROJECT["dependencies"], "warren[fuzz]"],
}


def test_there_is_a_lock_file_for_running_and_one_for_development() -> None:
    assert [lock.stem for lock in LOCKS] == sorted(LOCKED)


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_a_lock_file_matches_the_project(lock: Path) -> None:
    pinned = {
        normal(name): version
        for name, version in re.findall(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^\s;]+)", lock.read_text(), re.MULTILINE)
    }
    asked = wanted(LOCKED[lock.stem])
    assert sorted(asked.keys() - pinned.keys()) == [], "run scripts/lock"
    assert {name: pinned[name] for name, version in asked.items() if version} == {
        name: version for name, version in asked.items() if version
    }, "run scripts/lock"


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_a_lock_file_holds_a_hash_for_each_package_and_no_address(lock: Path) -> None:
    text = lock.read_text()
    packages = re.split(r"^(?=[A-Za-z0-9])", text, flags=re.MULTILINE)[1:]
    assert len(packages) > 20
    assert [package.split()[0] for package in packages if "--hash=sha256:" not in package] == []
    assert re.findall(r"\w+://\S+|--(?:extra-)?index-url|--find-links|--trusted-host", text) == []


def test_the_version_stands_in_one_place() -> None:
    assert "version" in PROJECT["dynamic"]
    assert re.fullmatch(r"\d+\.\d+\.\d+", __version__)
    elsewhere = [
        path
        for path in tracked()
        if path.suffix in {".py", ".toml", ".cfg"} and f'version = "{__version__}"' in path.read_text()
    ]
    assert elsewhere == []


def test_the_changelog_has_a_place_for_the_next_change() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text()
    headings = re.findall(r"^## (.+)$", changelog, re.MULTILINE)
    assert headings[0] == "Unreleased"
    assert all(re.match(r"\d+\.\d+\.\d+ · 20\d\d-\d\d-\d\d$", heading) for heading in headings[1:])
    assert re.search(r"^## Unreleased\n[^#]*^- .+", changelog, re.MULTILINE), "it says nothing to an operator"


PLACES = re.compile(
    rb"(?<![\w./}])/(?:work|root|home/[a-z]\w*|Users/\w+)/"
    rb"|https?://[^\s/\"'<>]*(?:pypi|pythonhosted|maven|npmjs|registry|mirror|artifact)[^\s/\"'<>]*"
)
"""Directories of somebody's machine, and addresses of registries."""


def test_no_file_names_a_place_of_one_machine_or_a_registry() -> None:
    found = {
        str(path.relative_to(ROOT)): places
        for path in tracked()
        if (places := [place.decode() for place in PLACES.findall(path.read_bytes())])
    }
    assert found == {}


@pytest.mark.parametrize("place", ["/work", "/root", "/home/ann", "/Users/Ann"])
def test_a_directory_of_one_machine_is_recognised(place: str) -> None:
    assert PLACES.search(f"cd {place}/x".encode())
    assert not PLACES.search(f"http://h{place}/x".encode())
    assert not PLACES.search(f"state{place}/x".encode())


def test_the_address_of_a_registry_is_recognised() -> None:
    assert PLACES.search(f"index = {'https'}://pypi.example/simple/".encode())
    assert not PLACES.search(b"the maven repository, the registry of clusters")


MODULES = sorted(
    str(path.relative_to(ROOT / "warren").with_suffix(""))
    for path in (ROOT / "warren").rglob("*.py")
    if path.name != "__init__.py"
)


@pytest.mark.parametrize("module", MODULES)
def test_a_module_has_its_test_file_at_the_same_path(module: str) -> None:
    room, _, name = f"{TESTS}/{module}".rpartition("/")
    own = [*Path(room).glob(f"test_{name}.py"), *Path(room).glob(f"test_{name}_*.py")]
    if module in TESTED_ELSEWHERE:
        assert not own, f"{module} has a test file: it is no exception any more"
    elif not any(module.startswith(exception) for exception in TESTED_ELSEWHERE if exception.endswith("/")):
        assert own, f"{Path(room).relative_to(ROOT)}/test_{name}.py is missing"


@pytest.mark.parametrize(("exception", "where"), TESTED_ELSEWHERE.items())
def test_an_exception_is_about_a_module_and_names_its_tests(exception: str, where: str) -> None:
    assert exception in MODULES or any(module.startswith(exception) for module in MODULES if exception.endswith("/"))
    assert (TESTS / where.partition(":")[0]).exists()
