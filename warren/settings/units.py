"""Durations and sizes as Trino's programs write them: `1.5h`, `32MB`. Text in, seconds and bytes out, and back."""

import math
import re
from decimal import Decimal

SECONDS = {
    "ns": Decimal("1e-9"),
    "us": Decimal("1e-6"),
    "ms": Decimal("1e-3"),
    "s": Decimal(1),
    "m": Decimal(60),
    "h": Decimal(3600),
    "d": Decimal(86400),
}
BYTES = {unit: 1024**power for power, unit in enumerate(("B", "kB", "MB", "GB", "TB", "PB"))}
"""Binary multiples, whatever the spelling suggests: that is what the Java programs mean by it."""

LONGEST = Decimal(1000 * 86400)
"""A thousand days, in seconds. Timers of event loops overflow somewhere beyond it."""

AMOUNT = re.compile(r"\s*([0-9]{1,18}(?:\.[0-9]{1,18})?)\s*([A-Za-z]+)\s*", re.ASCII)


class WrongValue(ValueError):
    """A value that cannot be used. `found` quotes it or a part of it; `remedy` never does, so it can be shown always."""

    def __init__(self, remedy: str, *, found: str | None = None) -> None:
        super().__init__(remedy)
        self.remedy = remedy
        self.found = found


def seconds(text: str) -> float:
    """Raises WrongValue for anything that is not a number with a unit, and for more than a thousand days."""
    amount = measured(text, SECONDS, "a duration is a number and a unit (ns us ms s m h d), such as 30s or 1.5h")
    if amount > LONGEST:
        raise WrongValue("a duration can be a thousand days at most (1000d)")
    return float(amount)


def whole(text: str, unit: str) -> int:
    """A duration in whole units, rounded up: a short one must not become none. Raises WrongValue as `seconds`."""
    return math.ceil(Decimal(repr(seconds(text))) / SECONDS[unit])


def size(text: str) -> int:
    """Raises WrongValue for anything that is not a number with a unit. Fractions of a byte are cut off."""
    return int(measured(text, BYTES, "a size is a number and a unit (B kB MB GB TB PB), such as 64kB or 32MB"))


def measured(text: str, units: dict[str, Decimal] | dict[str, int], syntax: str) -> Decimal:
    if (parts := AMOUNT.fullmatch(text)) is None or parts[2] not in units:
        raise WrongValue(syntax)
    return Decimal(parts[1]) * units[parts[2]]


def duration_text(value: float) -> str:
    """The shortest spelling in one unit: 90.0 is `90s`, 1800.0 is `30m`."""
    exact = Decimal(repr(value))
    for unit in ("d", "h", "m", "s", "ms", "us"):
        if exact and exact % SECONDS[unit] == 0:
            return f"{int(exact / SECONDS[unit])}{unit}"
    return f"{int(exact / SECONDS['ns'])}ns" if exact else "0s"


def size_text(value: int) -> str:
    """The shortest spelling in one unit: 65536 is `64kB`."""
    unit = next((unit for unit, factor in reversed(BYTES.items()) if value and value % factor == 0), "B")
    return f"{value // BYTES[unit]}{unit}"
