"""Bodies of our own errors: one sentence that a person can act on, and who said it."""

import re

import orjson

JSON = b"application/json"
TEXT = b"text/plain; charset=utf-8"

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def refusal(status: int, sentence: str, *, instance: str, accept: bytes | None) -> tuple[bytes, bytes]:
    """Content type and body: JSON for a client that names JSON in its `Accept` header, else text.

    Accepting anything (`*/*`) is not naming JSON: Trino's clients and curl show the body to people as it is.
    """
    sentence = sentence.encode("utf-8", "replace").decode("utf-8")  # Lone surrogates can be written in neither form.
    if _names_json(accept or b""):
        return JSON, orjson.dumps({"status": status, "message": sentence, "instance": instance})
    line = f"{sentence} (gateway instance {instance})"
    return TEXT, _CONTROL.sub(lambda found: f"\\u{ord(found[0]):04x}", line).encode() + b"\n"


def _names_json(accept: bytes) -> bool:
    """Whether JSON is wanted at least as much as plain text. A header that cannot be read asks for nothing."""
    wanted = {b"application/json": 0.0, b"text/plain": 0.0}
    for part in accept.lower().split(b",")[:32]:
        media, *parameters = (piece.strip() for piece in part.split(b";"))
        if media in wanted:
            wanted[media] = max(wanted[media], _quality(parameters))
    return wanted[b"application/json"] > 0 and wanted[b"application/json"] >= wanted[b"text/plain"]


def _quality(parameters: list[bytes]) -> float:
    for parameter in parameters:
        if parameter.startswith(b"q="):
            try:
                return float(parameter[2:])
            except ValueError:
                return 0.0
    return 1.0
