"""Databases with tables, of each kind, for the tests of the history."""

from collections.abc import AsyncIterator

import pytest

from warren.drivers.sql import Database
from warren.settings.stores.jdbc import DatabaseUrl


@pytest.fixture
async def database(any_database: DatabaseUrl) -> AsyncIterator[Database]:
    database = Database(any_database, deadline=20.0)
    await database.migrate()
    yield database
    await database.close()
