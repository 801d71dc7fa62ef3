"""The command that answers why a statement goes where it goes."""

import asyncio
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
import orjson

from warren.cli.failures import fail
from warren.errors import SettingsError
from warren.explain import CannotAsk, in_words, of_configuration, of_gateway, question_of, text_from
from warren.process import database_of
from warren.rulebook.explaining import Question
from warren.settings.load import load
from warren.settings.root import state_directory

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.argument("config", required=False, type=FILE)
@click.option("--sql", default="", help="The statement.")
@click.option("--sql-file", type=FILE, help="A file with the statement.")
@click.option(
    "--header", "headers", multiple=True, metavar="'NAME: VALUE'", help="A header of the request; repeatable."
)
@click.option("--user", help="Short for --header 'X-Trino-User: …'.")
@click.option("--source", help="Short for --header 'X-Trino-Source: …'.")
@click.option("--method", default="POST", show_default=True)
@click.option("--path", default="/v1/statement", show_default=True)
@click.option("--client-address", default="127.0.0.1", show_default=True, help="Where the request comes from.")
@click.option("--gateway", metavar="URL", help="Ask the gateway that runs there instead of a configuration.")
@click.option("--json", "as_json", is_flag=True, help="Print the whole answer as JSON.")
def explain(
    config: Path | None,
    *,
    sql: str,
    sql_file: Path | None,
    headers: tuple[str, ...],
    user: str | None,
    source: str | None,
    method: str,
    path: str,
    client_address: str,
    gateway: str | None,
    as_json: bool,
) -> None:
    """Say which rules a request would meet, what each sees and says, and which cluster takes it.

    Nothing is sent to any cluster but a question how it is. With CONFIG its rules file and the clusters of its database are
    used; with --gateway the rules and clusters of a gateway that runs.
    """
    if (config is None) == (gateway is None):
        raise click.UsageError("name a configuration file, or a gateway with --gateway")
    try:
        question = question_of(
            sql=text_from(sql_file, sql),
            headers=headers,
            method=method.upper(),
            path=path,
            client_address=client_address,
            user=user,
            source=source,
        )
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    answer = _of_gateway(gateway, question) if gateway is not None else _of_configuration(config, question)
    if as_json:
        click.echo(orjson.dumps(answer, option=orjson.OPT_INDENT_2).decode())
    else:
        click.echo("\n".join(in_words(answer)))


def _of_gateway(gateway: str, question: Question) -> Mapping[str, Any]:
    try:
        return asyncio.run(of_gateway(gateway, question))
    except CannotAsk as error:
        click.echo(str(error), err=True)
        sys.exit(1)


def _of_configuration(config: Path | None, question: Question) -> Mapping[str, Any]:
    assert config is not None, "one of the two is named"
    try:
        settings = load(config, os.environ).settings
        state = state_directory(settings, beside=config.absolute().parent, environment=os.environ)
        url = database_of(settings, state=state, config=config)
        answer, note = asyncio.run(of_configuration(settings, url, question, time.monotonic))
    except SettingsError as error:
        fail(error, config)
    if note:
        click.echo(f"note: {note}", err=True)
    return answer
