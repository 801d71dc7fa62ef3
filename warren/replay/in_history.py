"""Statements as the query history has them: read in pages, the oldest first, never all at once."""

import asyncio
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from typing import Final

from warren.drivers.sql import Database, Row
from warren.drivers.sql_engine import label_of
from warren.errors import StoreUnavailable
from warren.replay.period import Period
from warren.replay.statement import Statement
from warren.settings.stores.jdbc import DatabaseUrl

PAGE_SECONDS: Final = 15.0
FIRST_PAGE: Final = 50
LARGEST_PAGE: Final = 400
PAGE_CHARACTERS: Final = 4_000_000
"""Where texts are long, a page has fewer rows, so that it stays about as large as this."""

PAGE: Final = (
    "SELECT query_id, query_text, created, user_name, source, routing_group, backend_url FROM query_history"
    " WHERE created >= :created AND created < :until AND (created > :created OR query_id > :query_id)"
    " ORDER BY created, query_id LIMIT :rows"
)
CLUSTERS: Final = "SELECT name, backend_url FROM gateway_backend"


@dataclass(slots=True)
class FromHistory:
    """The statements of a period, in chunks. Iterating raises StoreUnavailable, its text fit for people."""

    url: DatabaseUrl
    period: Period
    share: float = 0.0
    """How much of the period is behind us, from 0 to 1."""

    @property
    def label(self) -> str:
        """The database's address for people, without user and password."""
        return label_of(self.url)

    def __iter__(self) -> Generator[list[Statement], None, None]:
        if self.url.path is not None and not self.url.path.exists():
            raise StoreUnavailable(f"{self.url.path} does not exist: no gateway has written its history there yet")
        # One loop for all pages, which runs while a page is fetched: between them, others work with what came.
        with asyncio.Runner() as loop:
            database = Database(self.url, deadline=PAGE_SECONDS)
            try:
                loop.run(database.ping())
                yield from self._pages(loop, database)
            finally:
                loop.run(database.close())

    def _pages(self, loop: asyncio.Runner, database: Database) -> Generator[list[Statement], None, None]:
        try:
            clusters = {_text(row["backend_url"]): _text(row["name"]) for row in loop.run(database.fetch(CLUSTERS))}
            page = loop.run(self._page(database, self.period.since, "", FIRST_PAGE))
        except StoreUnavailable as error:
            raise StoreUnavailable(f"{error}; warren migrate makes the tables") from error
        while page:
            yield [_statement(row, clusters) for row in page]
            created, query_id = _number(page[-1]["created"]), _text(page[-1]["query_id"])
            self.share = self.period.share(created)
            page = loop.run(self._page(database, created, query_id, _rows_next(page)))

    async def _page(self, database: Database, created: int, query_id: str, rows: int) -> list[Row]:
        return list(await database.fetch(PAGE, created=created, query_id=query_id, until=self.period.until, rows=rows))


def _rows_next(page: list[Row]) -> int:
    """As many rows as make a page of the wanted size, when they are like the last ones; at most twice as many."""
    characters = sum(len(_text(row["query_text"])) for row in page)
    return max(1, min(LARGEST_PAGE, 2 * len(page), PAGE_CHARACTERS * len(page) // max(characters, 1)))


def _statement(row: Row, clusters: Mapping[str, str]) -> Statement:
    return Statement(
        name=_text(row["query_id"]),
        sql=_text(row["query_text"]),
        when=_number(row["created"]),
        user=_text(row["user_name"]),
        source=_text(row["source"]),
        group=_text(row["routing_group"]) or None,
        cluster=clusters.get(_text(row["backend_url"]), ""),
    )


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0
