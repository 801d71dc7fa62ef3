"""The command line. Each command loads what it needs and no more: starting is part of the promise."""

import asyncio
import os
import sys
from importlib import import_module
from pathlib import Path

import click

from warren import __version__
from warren.check import connect
from warren.cli.failures import fail
from warren.demo.story import run_demo
from warren.drivers.sql import Database
from warren.errors import SettingsError, StoreUnavailable
from warren.process import database_of, prepared_state_directory, run
from warren.settings.load import Loaded, load, parse
from warren.settings.root import Workers, state_directory, workers_of
from warren.settings.units import WrongValue
from warren.simulator.serve import MissingLibraries
from warren.simulator.serve import serve as serve_simulator
from warren.steering import rules_of
from warren.supervisor.cores import number_of_workers
from warren.supervisor.launch import Configuration
from warren.supervisor.supervise import supervise
from warren.telemetry.logs import configure_logging

ON_DEMAND = ("explain", "replay", "rules")
"""Each in a module of its own, by the same name."""
CONFIG = click.argument("config", type=click.Path(exists=True, dir_okay=False, path_type=Path))
OPTIONAL_CONFIG = click.argument("config", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path))


class Commands(click.Group):
    """Some commands are loaded only when they are asked for: a gateway that starts needs none of them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted([*super().list_commands(ctx), *ON_DEMAND])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in ON_DEMAND:
            return super().get_command(ctx, cmd_name)
        command: click.Command = getattr(import_module(f"warren.cli.{cmd_name}"), cmd_name)
        return command


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="warren")
def main() -> None:
    """Warren, a gateway for Trino: many clusters behind one address.

    Try it without anything: `warren demo`. Run it: `warren serve config.yaml`.
    """


def _workers(_context: click.Context, _option: click.Parameter, value: str | None) -> Workers | None:
    try:
        return None if value is None else workers_of(int(value) if value.isdecimal() else value)
    except WrongValue as wrong:
        raise click.BadParameter(wrong.remedy) from wrong


@main.command()
@OPTIONAL_CONFIG
@click.option(
    "--workers",
    callback=_workers,
    metavar="NUMBER|auto",
    help="Processes to serve with, instead of `workers` in CONFIG.",
)
def serve(config: Path | None, workers: Workers | None) -> None:
    """Run a gateway with the configuration file CONFIG, an existing Trino Gateway config.yaml for example.

    Without CONFIG: port 8080, SQLite in the user's state directory. SIGTERM and Ctrl-C end it politely, a second one at once.
    With several workers, SIGHUP reads CONFIG again and replaces them one by one.
    """
    configure_logging()
    try:
        configuration = Configuration.read(config, os.environ)
        count = number_of_workers(workers or configuration.settings.workers)
        if count == 1:
            run(configuration.settings, configuration.warnings, config=config, environment=os.environ)
        else:
            supervise(configuration, count, config=config, environment=os.environ)
    except SettingsError as error:
        fail(error, config)


@main.command()
@CONFIG
@click.option("--connect", "connects", is_flag=True, help="Also ask the database and each cluster.")
def check(config: Path, *, connects: bool) -> None:
    """Say everything that is wrong with CONFIG, all at once. Exit code 1 when something is."""
    configure_logging()
    try:
        loaded = load(config, os.environ)
        rules_of(loaded.settings)
        for warning in loaded.warnings:
            click.echo(f"note: {warning}")
        state = state_directory(loaded.settings, beside=config.absolute().parent, environment=os.environ)
        url = database_of(loaded.settings, state=state, config=config)
        findings = asyncio.run(connect(loaded.settings, url)) if connects else []
    except SettingsError as error:
        fail(error, config)
    for finding in findings:
        click.echo(finding.sentence)
    if not all(finding.is_well for finding in findings):
        click.echo(f"{config}: the file is right, but not all that it leads to", err=True)
        sys.exit(1)
    click.echo(f"{config}: nothing is wrong with it")


@main.command()
@OPTIONAL_CONFIG
def migrate(config: Path | None) -> None:
    """Create the tables of the database that CONFIG names, or bring them up to date. Rows are kept."""
    configure_logging()
    try:
        loaded = _loaded(config)
        state = prepared_state_directory(loaded.settings, config=config, environment=os.environ)
        changed, label = asyncio.run(_migrate(Database(database_of(loaded.settings, state=state, config=config))))
    except SettingsError as error:
        fail(error, config)
    except StoreUnavailable as error:
        click.echo(f"the tables were not brought up to date: {error}", err=True)
        sys.exit(1)
    click.echo(f"{label}: the tables {'were brought up to date' if changed else 'are up to date already'}")


@main.command()
@click.option("--port", type=click.IntRange(0, 65535), default=8081, show_default=True, help="0 takes a free one.")
@click.option("--coordinator-id", help="The last five characters of its query ids; drawn by chance unless given.")
@click.option("--hide-coordinator-id", is_flag=True, help="Do not tell it at /v1/info, as Trino before 477.")
@click.option("--scattered-ids", is_flag=True, help="Each query draws its own last five characters: they tell nothing.")
def simulate(port: int, coordinator_id: str | None, *, hide_coordinator_id: bool, scattered_ids: bool) -> None:
    """Run a Trino look-alike on loopback, with a small TPC-H sample: for trying a gateway without a Trino."""
    configure_logging()
    try:
        serve_simulator(
            port=port,
            coordinator_id=coordinator_id,
            publish_coordinator_id=not (hide_coordinator_id or scattered_ids),
            scattered_ids=scattered_ids,
        )
    except (MissingLibraries, ValueError, OSError) as error:
        click.echo(f"the simulator cannot start: {error}", err=True)
        sys.exit(1)


@main.command()
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8080,
    show_default=True,
    help="The gateway's port; 0 takes a free one.",
)
@click.option("--once", is_flag=True, help="End after the tour instead of waiting for Ctrl-C.")
def demo(port: int, *, once: bool) -> None:
    """Two simulated clusters, two gateways, a Valkey between them; a query, an outage, and what to try next."""
    sys.exit(run_demo(port=port, once=once))


def _loaded(config: Path | None) -> Loaded:
    return parse("", os.environ, directory=Path.cwd()) if config is None else load(config, os.environ)


async def _migrate(database: Database) -> tuple[bool, str]:
    try:
        return await database.migrate(), database.label
    finally:
        await database.close()
