"""What a log may show of a request target: its shape, never the capabilities in it."""

from collections.abc import Iterator
from urllib.parse import unquote

from warren.protocol.ids import as_query_id

LONGEST_SHOWN = 200
"""Characters of a template."""
LONGEST_WORD = 32
"""Characters of a segment that is shown as it is. Slugs, authorization ids and tokens are longer than names."""

HIDDEN = "{...}"

_BEFORE_ID = frozenset({"queued", "scheduled", "executing", "partialCancel"})
_AFTER_ID = frozenset({"killed", "preempted"})
_OAUTH2 = frozenset({"token", "initiate", "callback", "logout"})
_SPOOLED = frozenset({"download", "ack"})


def path_template(target: str) -> str:
    """The target with ids, slugs, identifiers and the whole query string replaced, escaped, at most 200 characters.

    Safe for any text, also for targets that are refused. What it does not know it hides: everything that follows a
    query id, any long segment, and parameters after `;`.
    """
    path, question, _ = target.partition("?")
    if not path.startswith("/"):
        return HIDDEN  # `http://user:password@…`, or what was never a request line.
    segments = [unquote(segment.partition(";")[0]) for segment in path.split("/")]
    shown = "/".join(_shown(segments)) + ("?{query}" if question else "")
    escaped = shown.encode("unicode_escape").decode("ascii")
    return escaped if len(escaped) <= LONGEST_SHOWN else escaped[: LONGEST_SHOWN - 3] + "..."


def _shown(segments: list[str]) -> Iterator[str]:
    match segments:
        case ["", "v1", "spooled", *rest]:
            yield from segments[:3]
            yield from _known(rest, _SPOOLED, "{identifier}")
        case ["", "oauth2", *rest]:
            yield from segments[:2]
            yield from _known(rest, _OAUTH2, HIDDEN)
        case _:
            yield from _any(segments)


def _known(segments: list[str], words: frozenset[str], otherwise: str) -> Iterator[str]:
    return (segment if segment in words or not segment else otherwise for segment in segments)


def _any(segments: list[str]) -> Iterator[str]:
    cancels = False
    for position, segment in enumerate(segments):
        if as_query_id(segment):
            yield "{queryId}"
            yield from _after_id(segments[position + 1 :], cancels)
            return
        if position and segments[position - 1] in _BEFORE_ID and segment not in _BEFORE_ID:
            # Where an id belongs stands something else, so the secrets are not where they are expected either.
            yield from (HIDDEN for _ in segments[position:])
            return
        cancels = segment == "partialCancel"
        yield segment if len(segment) <= LONGEST_WORD else HIDDEN


def _after_id(rest: list[str], cancels: bool) -> Iterator[str]:
    names = ["{stage}", "{slug}", "{token}"] if cancels else ["{slug}", "{token}"]
    if len(rest) == len(names):
        yield from names
    else:
        yield from _known(rest, _AFTER_ID, HIDDEN)
