"""Runs the load generator wrk and reads what it prints."""

import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.processes import BenchFailed
from bench.traffic import HEADERS, SQL, STATEMENT

PATIENCE_SECONDS: Final = 30.0
"""How much longer than asked for it may take before it is ended."""

_SECONDS: Final = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_DONE: Final = re.compile(r"^\s*(\d+) requests in (\d+(?:\.\d+)?)(us|ms|s|m|h),", re.MULTILINE)
_RANK: Final = re.compile(r"^\s*(50|99)(?:\.\d+)?%\s+(\d+(?:\.\d+)?)(us|ms|s|m|h)\s*$", re.MULTILINE)
_OTHER: Final = re.compile(r"^\s*Non-2xx or 3xx responses: (\d+)", re.MULTILINE)
_SOCKET: Final = re.compile(r"^\s*Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What one run of wrk counted."""

    requests: int
    seconds: float
    p50_seconds: float
    p99_seconds: float
    failed: int
    """Answers that are neither 2xx nor 3xx, broken connections and requests that had no answer in time."""

    @property
    def per_second(self) -> float:
        return self.requests / self.seconds


def parse(output: str) -> Load:
    """Raises ValueError when it is not the output of `wrk --latency`."""
    done = _DONE.search(output)
    ranks = {rank: float(value) * _SECONDS[unit] for rank, value, unit in _RANK.findall(output)}
    if done is None or ranks.keys() != {"50", "99"}:
        raise ValueError(f"not the output of wrk --latency: {output[:500]!r}")
    other, broken = _OTHER.search(output), _SOCKET.search(output)
    return Load(
        requests=int(done[1]),
        seconds=float(done[2]) * _SECONDS[done[3]],
        p50_seconds=ranks["50"],
        p99_seconds=ranks["99"],
        failed=(int(other[1]) if other else 0) + (sum(map(int, broken.groups())) if broken else 0),
    )


def write_submission_script(directory: Path, *, pause_milliseconds: int = 0) -> Path:
    """Makes wrk send statements instead of GET; with a pause, so long after each answer."""
    script = directory / f"submit-{pause_milliseconds}.lua"
    pause = f"function delay() return {pause_milliseconds} end\n" if pause_milliseconds else ""
    script.write_text(f'wrk.method = "POST"\nwrk.path = "{STATEMENT}"\nwrk.body = "{SQL}"\n{pause}')
    return script


def run(
    port: int, target: str, *, connections: int, seconds: int, timeout_seconds: int = 2, script: Path | None = None
) -> Load:
    """Each connection asks again as soon as it was answered. Raises BenchFailed when wrk does."""
    command = ["wrk", "--latency", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", f"{timeout_seconds}s"]
    command += [part for name, value in HEADERS for part in ("-H", f"{name}: {value}")]
    command += ["-s", str(script)] if script else []
    command.append(f"http://127.0.0.1:{port}{target}")
    return parse(_output(command, seconds + PATIENCE_SECONDS))


def _output(command: Sequence[str], seconds: float) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=False)
    except subprocess.TimeoutExpired as error:
        raise BenchFailed(f"wrk did not end within {seconds:.0f} s") from error
    if done.returncode != 0:
        raise BenchFailed(f"wrk ended with {done.returncode}: {(done.stderr or done.stdout)[:500].strip()}")
    return done.stdout
