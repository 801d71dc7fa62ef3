from collections.abc import Iterator

from warren.telemetry.pieces import in_pieces

NOTHING: tuple[int, ...] = ()


async def test_nothing_is_lost_between_the_pieces() -> None:
    assert [piece async for piece in in_pieces(range(7), 3)] == [[0, 1, 2], [3, 4, 5], [6]]
    assert [piece async for piece in in_pieces(NOTHING, 3)] == []


async def test_a_piece_is_drawn_when_it_is_asked_for() -> None:
    drawn: list[int] = []

    def numbers() -> Iterator[int]:
        for number in range(7):
            drawn.append(number)
            yield number

    await anext(in_pieces(numbers(), 3))
    assert drawn == [0, 1, 2]
