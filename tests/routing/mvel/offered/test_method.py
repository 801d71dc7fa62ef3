import pytest

from warren.routing.mvel.errors import RuleFailed
from warren.routing.mvel.offered.method import method, nearest, property_of, table

TABLE = table(
    method("getName", str),
    method("isOpen", bool),
    method("size", len),
    method("clear", list.clear, changes=True),
    method("cut", str, "int int?"),
    method("all", str, "text any*"),
)


@pytest.mark.parametrize(
    ("name", "found"),
    [("name", "getName"), ("open", "isOpen"), ("size", "size"), ("getName", "getName"), ("clear", None), ("cut", None)],
)
def test_a_property_is_a_method_without_arguments_that_only_reads(name: str, found: str | None) -> None:
    answer = property_of(TABLE, name)
    assert (answer.name if answer else None) == found


@pytest.mark.parametrize(
    ("name", "words", "accepted"),
    [
        ("size", "no arguments", [0]),
        ("cut", "1 to 2 arguments", [1, 2]),
        ("all", "1 arguments or more", [1, 2, 3, 4]),
    ],
)
def test_a_method_knows_how_many_arguments_it_takes(name: str, words: str, accepted: list[int]) -> None:
    assert TABLE[name].in_words() == words
    assert [count for count in range(5) if TABLE[name].accepts(count)] == accepted


def test_arguments_are_made_to_fit() -> None:
    assert TABLE["cut"].takes == ("int", "int")
    from_text = method("half", lambda number: number / 2, "int")
    assert from_text.run(4) == 2
    with pytest.raises(RuleFailed, match=r"half\(\) takes 1 argument, not 2"):
        from_text.invoke(None, (), (1, 2))  # type: ignore[arg-type] # no scope is looked at


def test_names_that_are_nearly_right_are_offered() -> None:
    assert nearest("getNme", TABLE) == "; did you mean getName?"
    assert nearest("zzz", TABLE) == ""
