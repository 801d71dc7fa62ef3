"""How commands say that a file cannot be used."""

import sys
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

import click

from warren.errors import SettingsError
from warren.settings.load import placed


def fail(error: SettingsError, file: Path | None) -> NoReturn:
    """Print everything that is wrong, and end with exit code 1."""
    problems = error.problems
    if file is not None:
        with suppress(SettingsError):  # the file itself is what cannot be read
            problems = placed(problems, file)
    count = len(problems)
    click.echo(f"{file or 'the default settings'}: {count} problem{'s' if count > 1 else ''}", err=True)
    for problem in problems:
        click.echo(f"  {problem}", err=True)
    sys.exit(1)
