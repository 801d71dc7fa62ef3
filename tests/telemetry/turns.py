"""How often others have their turn while something long is done."""

import asyncio


class Turns:
    """Counts while its `take` runs beside it."""

    def __init__(self) -> None:
        self.count = 0

    async def take(self) -> None:
        while True:
            self.count += 1
            await asyncio.sleep(0)
