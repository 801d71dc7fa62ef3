"""How commands say that a file cannot be used."""

import sys
from pathlib import Path
from typing import NoReturn

import click

from warren.errors import SettingsError


def fail(error: SettingsError, file: Path | None) -> NoReturn:
    """Print everything that is wrong, and end with exit code 1."""
    count = len(error.problems)
    click.echo(f"{file or 'the default settings'}: {count} problem{'s' if count > 1 else ''}", err=True)
    for problem in error.problems:
        click.echo(f"  {problem}", err=True)
    sys.exit(1)
