"""Failures someone reacts to. Those a client hears of know their status."""

from dataclasses import dataclass
from typing import ClassVar


class GatewayError(Exception):
    """Base for every failure that is allowed to become an HTTP answer. Its text is shown to the client."""

    status: ClassVar[int] = 500


class NoClusterAvailable(GatewayError):
    """Nobody in the group is taking queries. The client may ask again."""

    status = 503


class ClusterUnreachable(GatewayError):
    """No connection, so no byte was sent: another cluster may be tried."""

    status = 503


class ClusterFellSilent(GatewayError):
    """A cluster stopped answering after the request had left. The client may ask again."""

    status = 504


class ClusterMisbehaved(GatewayError):
    """A cluster closed early, or its answer cannot be read as HTTP; bytes had left for it."""

    status = 503


class TooManySearches(GatewayError):
    """The bound on searches at once is reached. The client may ask again."""

    status = 503


class StoreUnavailable(Exception):
    """A database or cache did not answer in time. Stays inside: a client of Trino never hears of it."""


class StoreSilent(StoreUnavailable):
    """It did not answer within the time that was left for it. One such call may be bad luck; several are a sign."""


class RowsRefused(Exception):
    """A database answers, and refuses what is in the rows of a batch: without the bad ones it will take the others."""


class RegistryConflict(Exception):
    """A change to the cluster list that cannot be made: the name is taken, or unknown."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with a configuration file."""

    key: str
    """Path of the key, such as `dataStore.jdbcUrl`; empty when it concerns the whole file."""
    line: int | None
    """Line in the file, counted from 1."""
    found: str
    """What stands there; never a secret."""
    remedy: str
    """What was expected, and what to write instead."""
    column: int | None = None
    """Column in that line, counted from 1, where it helps to find the place."""
    file: str = ""
    """The file, when it is another one than the configuration."""

    def __str__(self) -> str:
        column = f", column {self.column}" if self.column is not None else ""
        file = f"{self.file}: " if self.file else ""
        where = f"{file}line {self.line}{column}: " if self.line is not None else file
        key = f"{self.key}: " if self.key else ""
        found = f"{self.found}: " if self.found else ""
        return f"{where}{key}{found}{self.remedy}"


class SettingsError(Exception):
    """The settings cannot be used. Carries everything that is wrong, not only the first thing."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("; ".join(str(problem) for problem in problems))
        self.problems = problems
