"""Which request targets are carried at all: those that every server behind us reads as we do."""

import re
from urllib.parse import unquote_to_bytes

LONGEST_TARGET = 16 * 1024
"""Bytes of a request target."""

_CONTROL = re.compile(r"[\x00-\x20\x7f]")
"""Also the blank, which cannot stand in a request line."""
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_UNSAFE_DECODED = re.compile(r"[\x00-\x1f\x7f]")


def check_target(target: str) -> str | None:
    """A sentence that says why the target is refused, or None when it may pass.

    The path is held to rules under which no two servers disagree on its segments; the query string only has to be
    ASCII without control characters. `%2F` passes: it is data inside a segment.
    """
    if not target.startswith("/"):
        return "the request target must be a path that starts with / (origin-form)"
    if len(target) > LONGEST_TARGET:
        return f"the request target has {len(target)} bytes; at most {LONGEST_TARGET} are carried"
    if not target.isascii():
        return "the request target contains characters outside ASCII; percent-encode them"
    if _CONTROL.search(target):
        return "the request target contains a blank or a control character; percent-encode it"
    return _check_path(target.partition("?")[0])


def _check_path(path: str) -> str | None:
    if path.startswith("//"):
        return "the path starts with //, which some servers read as a host name"
    if "#" in path:
        return "the path contains #, which belongs to the client and is never sent; percent-encode it as %23"
    if _BAD_ESCAPE.search(path):
        return "the path contains a % that two hexadecimal digits do not follow; write %25 for a percent sign"
    try:
        # Not UTF-8 includes the over-long spellings of dots and slashes that some decoders accept.
        decoded = unquote_to_bytes(path).decode("utf-8")
    except UnicodeDecodeError:
        return "the path is percent-encoded, but not as UTF-8"
    if _UNSAFE_DECODED.search(decoded):
        return "the path contains an encoded control character"
    if "\\" in decoded:
        return "the path contains a backslash, which some servers read as a slash"
    # Servlet containers cut `;…` off a segment before they resolve dots, and some decode %2F first: check the worst.
    if any(segment.partition(";")[0] in {".", ".."} for segment in decoded.split("/")):
        return "the path contains a segment . or .., raw or encoded; send the path that it stands for"
    return None
