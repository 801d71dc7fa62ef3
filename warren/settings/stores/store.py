"""The `dataStore` section: the database that all instances share."""

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr, ValidationInfo

from warren.settings.section import Flag, Inert, Secret, Section, Text, Whole, told
from warren.settings.stores.jdbc import DatabaseUrl, database_url


def usable(jdbc_url: SecretStr, info: ValidationInfo) -> SecretStr:
    """Raises WrongValue. `user` stands before the URL in the section, for a URL without a database means that name."""
    directory: Path = (info.context or {}).get("directory") or Path()
    database_url(jdbc_url.get_secret_value(), user=info.data.get("user"), password=None, directory=directory)
    return jdbc_url


class DataStore(Section):
    """The database: the list of clusters, and tables of the gateway's own."""

    user: Text | None = None
    """The database user."""
    password: Secret | None = None
    """Its password."""
    jdbc_url: Annotated[Secret, AfterValidator(told(usable))]
    """`jdbc:postgresql:`, `jdbc:mysql:`, `jdbc:mariadb:` or `jdbc:sqlite:`, with options. Secret, since some
    people write the password into it."""
    driver: Annotated[Text | None, Inert("the URL says which database it is")] = None
    """Upstream's name of a Java class."""
    query_history_enabled: Flag = True
    """Whether statements are recorded in `query_history`, and old rows of it deleted."""
    query_history_hours_retention: Annotated[Whole, Field(ge=1)] = 4
    """Hours after which those rows are deleted."""
    run_migrations_enabled: Flag = True
    """Whether the tables are created and brought up to date at start."""

    def database(self, directory: Path) -> DatabaseUrl:
        """What the URL says. Raises WrongValue; never for settings that came from `load` or `parse`."""
        return database_url(
            self.jdbc_url.get_secret_value(), user=self.user, password=self.password, directory=directory
        )
