import pytest

from warren.model import QueryId
from warren.protocol.ids import LONGEST_ID, as_query_id, coordinator_id


@pytest.mark.parametrize("text", ["20200416_160256_03078_6b4yt", "0_1_2_a", "20261122_111727_00001_ABC_de"])
def test_text_of_the_loose_shape_is_an_id(text: str) -> None:
    assert as_query_id(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "queued",
        "partialCancel",
        "not-an-id",
        "20200416_blah",
        "20200416_160256_03078",
        "20200416_160256_03078_",
        "20200416_160256_03078_6b4yt\n",
        " 20200416_160256_03078_6b4yt",
        "٢٠٢٠٠٤١٦_160256_03078_6b4yt",
        "20200416_160256_03078_6b4ÿt",
    ],
)
def test_other_text_is_no_id(text: str) -> None:
    assert as_query_id(text) is None


def test_an_id_has_a_greatest_length() -> None:
    assert as_query_id("1_1_1_" + "a" * 40) is not None
    too_long = f"{'1' * 20}_{'2' * 20}_{'3' * 20}_ab"
    assert len(too_long) == LONGEST_ID + 1
    assert as_query_id(too_long) is None


def test_the_coordinator_is_named_by_the_last_five_characters() -> None:
    assert coordinator_id(QueryId("20261122_111727_00001_7q5ke")) == "7q5ke"


@pytest.mark.parametrize(
    "text",
    ["0_1_2_a", "20261122_111727_00001_7Q5KE", "20261122_111727_00001_7q5kex", "20261122_111727_00001_7q5ke\n", ""],
)
def test_an_id_of_another_shape_names_no_coordinator(text: str) -> None:
    assert coordinator_id(QueryId(text)) is None
