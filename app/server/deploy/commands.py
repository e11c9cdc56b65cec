"""The deploy commands."""

import shutil
import sys
from typing import Any, cast

import click
from flask import current_app
from flask.cli import with_appcontext

from app.host.application import WebApi
from app.server import options
from app.server.deploy import systemd as systemd_unit
from app.server.deploy.nginx import Site


@click.group("deploy")
def deploy() -> None:
    """Print configurations for what stands around the service."""


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
    help="Requests a second that one client address may send; twice as many in a burst.",
)
@click.option(
    "--mirror",
    metavar="HOST:PORT",
    show_default="none",
    callback=options.upstream,
    help="Where `chargecloud compare --listen` takes a copy of each request.",
)
@with_appcontext
def nginx(**site: Any) -> None:
    """Print a site for nginx: TLS, limits, buffering, timeouts."""
    click.echo(Site(**site).text(cast(WebApi, current_app).settings), nl=False)


@deploy.command("systemd")
@click.option(
    "--command",
    metavar="FILE",
    show_default="this one",
    callback=options.path,
    help="The installed chargecloud.",
)
@click.option(
    "--bind",
    metavar="HOST:PORT",
    default="127.0.0.1:8000",
    show_default=True,
    callback=options.address,
    help="Where the service listens.",
)
@click.option("--local/--no-local", default=True, help="Keep it from every other machine.")
def systemd(command: str | None, bind: str, local: bool) -> None:
    """Print a hardened unit for systemd."""
    found = command or shutil.which("chargecloud") or f"{sys.prefix}/bin/chargecloud"
    click.echo(systemd_unit.unit(found, bind, local), nl=False)
