import pytest
from valkey.exceptions import NoPermissionError, OutOfMemoryError, ReadOnlyError, ResponseError

from warren.drivers.valkey.replies import LONGEST_WORDS, refusal


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (OutOfMemoryError("command not allowed when used memory > 'maxmemory'."), "OOM"),
        (ReadOnlyError("You can't write against a read only replica."), "READONLY"),
        (NoPermissionError("User x has no permissions to run the 'set' command"), "NOPERM"),
        (ResponseError("WRONGTYPE Operation against a key holding the wrong kind of value"), "WRONGTYPE"),
        (ResponseError("MISCONF Valkey is configured to save RDB snapshots"), "MISCONF"),
        (ResponseError("unknown command 'SET'"), "unknown"),
        (ResponseError(""), ""),
    ],
)
def test_a_refusal_has_a_code_and_words(error: ResponseError, code: str) -> None:
    found = refusal(error)
    assert found.code == code
    assert found.words.startswith(code)


def test_what_a_server_says_is_made_fit_for_a_log() -> None:
    words = refusal(ResponseError("ERR a\nb" + "x" * 1000)).words
    assert words.isprintable()
    assert len(words) <= LONGEST_WORDS
