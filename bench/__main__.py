"""The command line of the bench: figures of DESIGN.md section 9, Warren beside nginx. `scripts/bench` calls it."""

import argparse
import os
import resource
import shutil
import signal
import sys
import tempfile
from collections.abc import Set
from pathlib import Path
from typing import Final, NoReturn

from bench.figures import figures
from bench.measuring import FULL, QUICK, Place, Plan, measure
from bench.processes import BenchFailed
from bench.report import as_json, as_markdown, machine
from bench.tiers import measure_tiers

LATEST: Final = Path(__file__).parent / "results" / "latest.md"
DESCRIPTORS: Final = 20_000
"""For 2,000 clients on both sides of a proxy, with room."""


def main() -> None:
    arguments = _arguments()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    try:
        _run(QUICK if arguments.quick else FULL, arguments.json)
    except BenchFailed as error:
        sys.exit(f"The bench stopped: {error}")
    except KeyboardInterrupt:
        sys.exit("The bench was interrupted; all its programs are stopped.")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/bench", description="Measure Warren beside nginx, on loopback.")
    parser.add_argument("--quick", action="store_true", help="two minutes instead of twelve, and less exact")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures to FILE, for programs")
    arguments = parser.parse_args()
    # Said now, not when twelve minutes have been spent.
    if arguments.json is not None and not arguments.json.absolute().parent.is_dir():
        parser.error(f"--json {arguments.json}: there is no directory {arguments.json.absolute().parent}")
    return arguments


def _run(plan: Plan, json_file: Path | None) -> None:
    _require_tools()
    _require_descriptors()
    proxy_cores, load_cores = divided(os.sched_getaffinity(0))
    # The bench itself reads streams and asks until a start is over: that is load.
    os.sched_setaffinity(0, load_cores)
    with tempfile.TemporaryDirectory(prefix="warren-bench-") as directory:
        place = Place(Path(directory), proxy_cores, load_cores)
        readings = {**measure(plan, place, _say), **measure_tiers(plan, place, _say)}
    found, facts = figures(readings), machine()
    run = f"{plan.name}, {plan.repetitions} repetitions of {plan.seconds} s"
    table = as_markdown(found, facts, run=run)
    LATEST.parent.mkdir(exist_ok=True)
    LATEST.write_text(table)
    if json_file is not None:
        json_file.write_text(as_json(found, facts, run=run))
    print(table, end="")


def _require_tools() -> None:
    missing = [tool for tool in ("nginx", "wrk") if shutil.which(tool) is None]
    if missing:
        raise BenchFailed(
            f"{' and '.join(missing)} not found. On Debian or Ubuntu: apt-get install nginx-light wrk;"
            " elsewhere install nginx and wrk and have them on PATH"
        )


def _require_descriptors() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < DESCRIPTORS:
        raise BenchFailed(f"the limit of open files is {hard}, needed are {DESCRIPTORS}: raise it (ulimit -Hn)")
    resource.setrlimit(resource.RLIMIT_NOFILE, (DESCRIPTORS, hard))


def divided(cores: Set[int]) -> tuple[Set[int], Set[int]]:
    """One core for the proxy under test, the others for the load. Raises BenchFailed when there is only one."""
    if len(cores) < 2:
        raise BenchFailed(
            f"two cores are needed, one for the proxy and one for the load; this process has {len(cores)}"
        )
    proxy = {min(cores)}
    return proxy, cores - proxy


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _interrupt(*_: object) -> NoReturn:
    # A second one would cut short the stopping of the programs, which takes seconds at most.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


if __name__ == "__main__":
    main()
