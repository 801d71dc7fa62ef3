"""What a server says to a command, and which of it means that the server cannot be used at all."""

from dataclasses import dataclass

from valkey.exceptions import (
    AuthenticationError,
    BusyLoadingError,
    NoPermissionError,
    OutOfMemoryError,
    ReadOnlyError,
    ResponseError,
)

LONGEST_WORDS = 200

UNUSABLE = frozenset({"CLUSTERDOWN", "MASTERDOWN", "LOADING", "BUSY", "NOAUTH", "WRONGPASS"})
"""Codes of a server that serves nobody now: what it would say of one key says nothing of others."""
ELSEWHERE = frozenset({"MOVED", "ASK", "TRYAGAIN"})
"""Codes of a node of a Cluster that does not serve a key, or not yet, or not any more."""
WRONG_TYPE = "WRONGTYPE"

_CODES = {
    OutOfMemoryError: "OOM",
    ReadOnlyError: "READONLY",
    NoPermissionError: "NOPERM",
    AuthenticationError: "NOAUTH",
    BusyLoadingError: "LOADING",
}
"""The library cuts the code off the texts of the errors that it knows."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """An error reply: the command was read and not carried out."""

    code: str
    """Its first word, such as `OOM`, `READONLY`, `NOPERM`, `WRONGTYPE` or `ERR`."""
    words: str
    """All of it, for people; never a value that was sent."""


Reply = bytes | int | list["Reply"] | Refusal | None


def refusal(error: ResponseError) -> Refusal:
    said = "".join(each if each.isprintable() else " " for each in str(error))[:LONGEST_WORDS]
    known = next((code for kind, code in _CODES.items() if isinstance(error, kind)), None)
    if known is not None:
        return Refusal(known, f"{known} {said}")
    return Refusal(said.partition(" ")[0], said)
