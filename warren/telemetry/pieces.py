"""Long work in short pieces, so that nobody's request waits for it."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from itertools import islice
from typing import Final, TypeVar

AT_ONCE: Final = 200
"""Samples that are made, read or added without a pause: about half a millisecond's work."""

T = TypeVar("T")


async def in_pieces(items: Iterable[T], size: int = AT_ONCE) -> AsyncIterator[list[T]]:
    """All of them in their order, at most `size` at a time. The loop has its turn after each piece; the next is drawn then."""
    left = iter(items)
    while piece := list(islice(left, size)):
        yield piece
        await asyncio.sleep(0)
