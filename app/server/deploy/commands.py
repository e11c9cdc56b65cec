"""The deploy commands."""

import re
import shutil
import sys
from typing import Any, cast

import click
from flask import current_app
from flask.cli import with_appcontext

from app.host.application import WebApi
from app.server.deploy import nginx as nginx_site
from app.server.deploy import systemd as systemd_unit

_PLAIN = re.compile(r"[A-Za-z0-9._:/*\[\]@+-]+( [A-Za-z0-9._:*\[\]-]+)*")


class _Plain(click.ParamType[Any]):
    """A text that means nothing else in a configuration file."""

    name = "text"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the text, or fail."""
        if not _PLAIN.fullmatch(value):
            self.fail(f"{value!r} may have letters, digits and . _ : / * [ ] @ + - only", param)
        return str(value)


PLAIN = _Plain()


@click.group("deploy")
def deploy() -> None:
    """Print configurations for what stands around the service."""


@deploy.command("nginx")
@click.option("--name", type=PLAIN, required=True, help="The service's host name.")
@click.option(
    "--upstream",
    "upstreams",
    type=PLAIN,
    multiple=True,
    default=["127.0.0.1:8000"],
    show_default=True,
    help="An instance; give it again for each other one.",
)
@click.option("--listen", type=PLAIN, default="443", show_default=True)
@click.option("--certificate", type=PLAIN, default="/etc/ssl/certs/chargecloud.pem")
@click.option("--key", type=PLAIN, default="/etc/ssl/private/chargecloud.key")
@click.option("--rate", type=click.IntRange(1), default=50, help="Requests a second and address.")
@with_appcontext
def nginx(**options: Any) -> None:
    """Print a site for nginx: TLS, limits, buffering, timeouts."""
    base_path = cast(WebApi, current_app).settings.base_path
    click.echo(nginx_site.site(base_path=base_path, **options), nl=False)


@deploy.command("systemd")
@click.option("--command", type=PLAIN, help="The installed chargecloud; by default, this one.")
@click.option("--bind", type=PLAIN, default="127.0.0.1:8000", show_default=True)
@click.option("--local/--no-local", default=True, help="Keep it from every other machine.")
def systemd(command: str | None, bind: str, local: bool) -> None:
    """Print a hardened unit for systemd."""
    found = command or shutil.which("chargecloud") or f"{sys.prefix}/bin/chargecloud"
    click.echo(systemd_unit.unit(found, bind, local), nl=False)
