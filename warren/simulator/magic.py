"""The comment by which a statement asks for trouble: `/* simulate: seconds=5 bytes=1000000 */`."""

import re
from dataclasses import dataclass, fields

from warren.simulator.sql.failures import Failure

_COMMENT = re.compile(r"/\*\s*simulate:\s*(?P<wishes>.*?)\*/", re.DOTALL)
_HUGE = re.compile(r"\s*SELECT\s+\*\s+FROM\s+simulator\.huge\s*\(\s*(?P<bytes>\d+)\s*\)\s*", re.IGNORECASE)
_WISH = re.compile(r"(?P<name>\w+)\s*=\s*(?P<value>[0-9.]+)\s*,?\s*")
LONGEST_SECONDS = 86_400.0
PATTERN = b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ+-" * 1024
"""What huge values are made of: 64 KiB, over and over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Magic:
    """What a statement wishes for. The default: an ordinary life."""

    queued_seconds: float = 0.0
    """How long the query waits before it starts."""
    seconds: float = 0.0
    """How long it runs before its first row, whatever it does."""
    bytes: int | None = None
    """Instead of its own, one row with one value of so many characters, on one page."""
    bytes_per_second: int | None = None
    """How fast the bodies of its pages go out."""
    cut_after: int | None = None
    """Break the connection after so many bytes of a page with data."""


ORDINARY = Magic()


def magic_in(sql: str) -> Magic:
    """The wishes in a statement's comments. Raises Failure for one that is not known."""
    if huge := _HUGE.fullmatch(sql):
        return Magic(bytes=int(huge["bytes"]))
    if not (found := _COMMENT.search(sql)):
        return ORDINARY
    wishes: dict[str, float | int] = {}
    known = {one.name: float if "float" in str(one.type) else int for one in fields(Magic)}
    rest = found["wishes"]
    while rest.strip():
        wish = _WISH.match(rest.lstrip())
        if not wish or wish["name"] not in known:
            raise Failure("SYNTAX_ERROR", f"simulate: cannot read '{rest.strip()}'; known are {', '.join(known)}")
        try:
            wishes[wish["name"]] = known[wish["name"]](wish["value"])
        except ValueError as error:
            raise Failure("SYNTAX_ERROR", f"simulate: {wish['name']}={wish['value']} is not a number") from error
        rest = rest.lstrip()[wish.end() :]
    made = Magic(**wishes)  # type: ignore[arg-type]  # each value was made by its own field's type
    if max(made.seconds, made.queued_seconds) > LONGEST_SECONDS:
        raise Failure("SYNTAX_ERROR", f"simulate: more than {LONGEST_SECONDS:.0f} seconds")
    return made
