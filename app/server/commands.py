"""The command that serves."""

from pathlib import Path
from typing import cast

import click
from flask import current_app
from flask.cli import with_appcontext

from app.config import PREFIX
from app.errors import StoreError
from app.host.application import WebApi
from app.server import demo, options, servers
from app.server.cores import cores
from app.store.legacy import ColumnsError
from app.store.store import SchemaError, Store


@click.command("serve")
@click.option(
    "--bind",
    metavar="HOST:PORT",
    default="127.0.0.1:8000",
    show_default=True,
    callback=options.address,
    help="Where to listen.",
)
@click.option(
    "--workers",
    type=click.IntRange(1),
    show_default=f"one per core, here {len(cores())}; waitress: 1",
    help="Worker processes.",
)
@click.option(
    "--threads",
    type=click.IntRange(1),
    show_default="4; granian 8",
    help="Threads of each worker.",
)
@click.option("--demo", "with_demo", is_flag=True, help="Fill an empty store with examples.")
@click.option(
    "--server",
    "name",
    type=click.Choice(list(servers.SERVERS)),
    default=servers.DEFAULT,
    show_default=True,
    help="granian is the fastest; waitress also runs on Windows.",
)
@with_appcontext
def serve(bind: str, workers: int | None, threads: int | None, with_demo: bool, name: str) -> None:
    """Serve until SIGTERM or SIGINT."""
    run = servers.load(name)
    app = cast(WebApi, current_app)
    metrics = app.settings.metrics
    addresses = {"--bind": bind, **({f"{PREFIX}METRICS": metrics} if ":" in metrics else {})}
    servers.check_addresses(addresses)
    keys = app.settings.api_keys_file
    if keys and not Path(keys).exists():
        click.echo(f"chargecloud: there is no key file {keys}: every key is refused", err=True)
    unreachable = _check(app.store)
    for check in app.checks.values():
        if problem := check():
            click.echo(f"chargecloud: {problem}; requests try it again", err=True)
    if with_demo:
        _fill(app, bind)
    elif unreachable is not None:
        click.echo(f"chargecloud: {unreachable}; requests try it again", err=True)
    run(bind, workers, threads)


def _check(store: Store) -> StoreError | None:
    """Refuse a store that can't serve; return what is wrong with one that can't be reached."""
    try:
        store.check()
    except (ColumnsError, SchemaError):
        raise
    except StoreError as error:
        return error
    finally:
        # No connection may go through the fork to the workers.
        store.close()
    return None


def _fill(app: WebApi, address: str) -> None:
    if not demo.fill(app.store):
        click.echo(f"{app.store} holds processes already; the examples were not added.")
    root = f"http://{address}{app.settings.base_path.rstrip('/')}"
    click.echo(demo.hints(root, demo.is_shown_by(app.store), app.settings.help_page))
