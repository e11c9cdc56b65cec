"""The deploy commands."""

import shutil
import sys
from pathlib import Path
from typing import Any, cast

import click
from flask import current_app
from flask.cli import with_appcontext

from app.host.application import WebApi
from app.server import options, servers
from app.server.cores import cores
from app.server.deploy import container
from app.server.deploy.nginx import Site
from app.server.deploy.systemd import Unit
from app.server.limits import THREADS


def _this_command() -> str:
    found = f"{sys.prefix}/bin/chargecloud"
    if not Path(found).exists():
        found = shutil.which("chargecloud") or found
    if not options.is_path(found):
        raise click.UsageError(f"--command is needed: systemd would read {found!r} otherwise")
    return found


@click.group("deploy")
def deploy() -> None:
    """Print configurations for nginx, systemd and containers."""


@deploy.command("nginx")
@click.option(
    "--name",
    "names",
    metavar="HOST",
    required=True,
    callback=options.hosts,
    help="The host name of the service; several are separated by blanks.",
)
@click.option(
    "--upstream",
    "upstreams",
    metavar="HOST:PORT",
    multiple=True,
    default=["127.0.0.1:8000"],
    show_default=True,
    callback=options.upstream,
    help="Where an instance listens. Repeat it for each instance.",
)
@click.option(
    "--listen",
    "listens",
    metavar="[HOST:]PORT",
    multiple=True,
    default=["443"],
    show_default=True,
    callback=options.listen,
    help="Where nginx listens, such as [::]:443. Repeat it for each address.",
)
@click.option(
    "--certificate",
    metavar="FILE",
    default="/etc/ssl/certs/chargecloud.pem",
    show_default=True,
    callback=options.path,
    help="The certificate, followed by those that signed it.",
)
@click.option(
    "--key",
    metavar="FILE",
    default="/etc/ssl/private/chargecloud.key",
    show_default=True,
    callback=options.path,
    help="The private key of the certificate.",
)
@click.option(
    "--logs",
    metavar="FOLDER",
    default="/var/log/nginx",
    show_default=True,
    callback=options.path,
    help="Where nginx writes its two logs.",
)
@click.option(
    "--rate",
    metavar="NUMBER",
    type=click.IntRange(1, 1_000_000),
    default=50,
    show_default=True,
    help="Requests per second that one client address may send; twice as many in a burst.",
)
@click.option(
    "--mirror",
    metavar="HOST:PORT",
    show_default="none",
    callback=options.upstream,
    help="Send a copy of each request to `chargecloud compare --listen` at this address.",
)
@with_appcontext
def nginx(**site: Any) -> None:
    """Print an nginx site: TLS, limits, buffering, timeouts."""
    click.echo(Site(**site).text(cast(WebApi, current_app).settings), nl=False)


@deploy.command("systemd")
@click.option(
    "--command",
    metavar="FILE",
    show_default="the one that runs now",
    callback=options.path,
    help="The path of the installed chargecloud command.",
)
@click.option(
    "--bind",
    metavar="HOST:PORT",
    default="127.0.0.1:8000",
    show_default=True,
    callback=options.unprivileged,
    help="Where the service listens.",
)
@click.option(
    "--server",
    type=click.Choice(list(servers.SERVERS)),
    default="gunicorn",
    show_default=True,
    help="The server that serves.",
)
@click.option(
    "--workers",
    metavar="NUMBER",
    type=click.IntRange(1),
    show_default=f"one per core, here {len(cores())}; waitress: 1",
    help="Worker processes.",
)
@click.option(
    "--threads",
    metavar="NUMBER",
    type=click.IntRange(1),
    show_default=", ".join(f"{number} {name}" for name, number in THREADS.items()),
    help="Threads of each worker.",
)
@click.option(
    "--local/--no-local",
    default=True,
    show_default=True,
    help="Allow connections with this machine only, or also with others (nginx, database, issuer).",
)
@with_appcontext
def systemd(command: str | None, server: str, workers: int | None, **given: Any) -> None:
    """Print a hardened unit for systemd.

    Its limits fit the workers and threads.
    """
    if server == "waitress" and (workers or 1) > 1:
        raise click.UsageError("--server waitress is one process: it takes --workers 1 only")
    unit = Unit(
        command=command or _this_command(),
        interpreter=None if command else sys.executable,
        server=server,
        workers=workers or (1 if server == "waitress" else len(cores())),
        **given,
    )
    settings = cast(WebApi, current_app).settings
    for warning in unit.warnings(settings):
        click.echo(f"chargecloud: {warning}", err=True)
    click.echo(unit.text(settings), nl=False)


@deploy.command("container")
@click.option(
    "--base",
    metavar="IMAGE",
    default="docker.io/library/python:3.13-slim-trixie",
    show_default=True,
    callback=options.image,
    help="The image to build on: it has Python with venv.",
)
@click.option("--compose", is_flag=True, help="Print the compose file instead.")
@click.option(
    "--workers",
    metavar="NUMBER",
    type=click.IntRange(1),
    default=2,
    show_default=True,
    help="Worker processes in the compose file.",
)
def container_(base: str, compose: bool, workers: int) -> None:
    """Print a recipe for a container's image, or a compose file.

    The compose file has PostgreSQL and nginx beside the service.
    """
    click.echo(container.compose(workers) if compose else container.recipe(base), nl=False)
