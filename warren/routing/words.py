"""Names and healths in words that fit into one line, whatever a client or a table has put into them."""

from warren.model import Health, HealthStatus

NAME_LIMIT = 100
"""Characters of a name that are shown: a client's header may be as long as a head."""


def shown(name: str) -> str:
    """The name, printable and of bounded length."""
    printable = name[:NAME_LIMIT]
    if not printable.isprintable():
        printable = "".join(character if character.isprintable() else "?" for character in printable)
    return printable if len(name) <= NAME_LIMIT else f"{printable}…"


def health_in_words(health: Health) -> str:
    """Why a cluster of this health takes no statements, such as `unhealthy, connection refused`."""
    if health.status is HealthStatus.UNKNOWN and health.reason:
        return health.reason
    word = health.status.value.lower()
    return f"{word}, {health.reason}" if health.reason else word
