"""Databases with tables, of each kind, for the tests of the history."""

from collections.abc import AsyncIterator

import pytest

from warren.drivers.sql import Database
from warren.settings.stores.jdbc import DatabaseUrl


@pytest.fixture(
    params=["sqlite", pytest.param("postgres", marks=pytest.mark.slow), pytest.param("mariadb", marks=pytest.mark.slow)]
)
def url(request: pytest.FixtureRequest) -> DatabaseUrl:
    found: DatabaseUrl = request.getfixturevalue(f"{request.param}_url")
    return found


@pytest.fixture
async def database(url: DatabaseUrl) -> AsyncIterator[Database]:
    database = Database(url, deadline=20.0)
    await database.migrate()
    yield database
    await database.close()
