"""How the coordinator misbehaves when a test asks it to, and what it was asked: for assertions."""

import collections
import hashlib
import re
from dataclasses import dataclass, fields
from typing import Any

MOST_REQUESTS = 20_000
MOST_COUNTS = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Behaviour:
    """What is wrong with the coordinator. The default: nothing."""

    only: str = ""
    """Requests whose path starts with this misbehave; others do not."""
    times: int | None = None
    """How many requests misbehave before all is well again; None: no end."""
    seconds: float | None = None
    """How long it lasts; None: until something else is set."""
    refuse: bool = False
    """Close the listening socket and every connection: nobody can connect."""
    hang: bool = False
    """Take requests and never answer."""
    status: int | None = None
    """Answer everything with this status."""
    delay: float = 0.0
    """Seconds before each answer."""
    cut_after: int | None = None
    """Break the connection after so many bytes of a body."""
    bytes_per_second: int | None = None
    """Let bodies trickle."""


GOOD = Behaviour()


def behaviour_from(given: Any) -> Behaviour:
    """A Behaviour from JSON; ValueError names the key that is not one, or whose value has the wrong type."""
    if not isinstance(given, dict):
        raise ValueError('a behaviour is an object, such as {"status": 503}')
    known = {one.name: one.type for one in fields(Behaviour)}
    for key, value in given.items():
        if key not in known:
            raise ValueError(f"{key}: not a behaviour; known are {', '.join(sorted(known))}")
        wanted: Any = known[key]
        accepted = wanted | int if wanted in {float, float | None} else wanted
        if not isinstance(value, accepted) or (isinstance(value, bool) and wanted is not bool):
            raise ValueError(f"{key}: {value!r} is not {getattr(wanted, '__name__', wanted)}")
    return Behaviour(**given)


@dataclass(frozen=True, slots=True)
class Asked:
    """One request that arrived."""

    method: str
    path: str
    headers: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Posted:
    """One body that arrived whole."""

    length: int
    sha256: str


class Log:
    """What the coordinator was asked, the newest MOST_REQUESTS; counts are of all."""

    def __init__(self) -> None:
        self.requests: collections.deque[Asked] = collections.deque(maxlen=MOST_REQUESTS)
        self.posts: collections.deque[Posted] = collections.deque(maxlen=1000)
        self.counts: collections.Counter[str] = collections.Counter()
        """By method and kind of path, as `GET /v1/statement/executing`."""

    def note(self, method: str, path: str, headers: tuple[tuple[str, str], ...]) -> None:
        self.requests.append(Asked(method, path, headers))
        name = f"{method} {kind_of(path)}"
        if name in self.counts or len(self.counts) < MOST_COUNTS:
            self.counts[name] += 1

    def count(self, method: str, path: str) -> int:
        """How often this was asked: `path` as in `counts`, or the beginning of one."""
        return sum(n for name, n in self.counts.items() if name.startswith(f"{method} {path}"))

    def clear(self) -> None:
        self.requests.clear()
        self.posts.clear()
        self.counts.clear()


class Digest:
    """Reads a body along as it comes."""

    def __init__(self) -> None:
        self.length = 0
        self._hash = hashlib.sha256()

    def add(self, data: bytes) -> None:
        self.length += len(data)
        self._hash.update(data)

    def posted(self) -> Posted:
        return Posted(self.length, self._hash.hexdigest())


_VARIABLE = re.compile(
    r"^(/v1/statement/(?:queued|executing)(?:/partialCancel)?|/v1/query|/v1/simulator/storage|/v1/spooled/\w+)/.*"
)


def kind_of(path: str) -> str:
    """The path without what differs from request to request."""
    found = _VARIABLE.match(path)
    if not found:
        return path if len(path) < 100 else path[:100]
    tail = path.rsplit("/", 1)[1]
    return f"{found[1]}/{tail}" if tail in {"killed", "preempted"} else found[1]
