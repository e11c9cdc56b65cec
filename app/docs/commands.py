"""The schema command."""

import click
from flask import current_app
from flask.cli import with_appcontext

from app.docs.documents import DOCUMENTS, contract_named, contracts_of, openapi

_WHOLE = "openapi"


@click.command("schema")
@click.argument("kind", type=click.Choice([*DOCUMENTS, _WHOLE]))
@click.argument("contract", default="")
@with_appcontext
def schema(kind: str, contract: str) -> None:
    """Print a contract's XSD or JSON Schema, or the OpenAPI document.

    Without CONTRACT it is the first one's. The OpenAPI document describes all of them.
    """
    names = [found.name() for found in contracts_of(current_app)]
    found = contract_named(current_app, contract or names[0])
    if found is None:
        raise click.BadParameter(f"{contract!r} is not one of {', '.join(names)}")
    written = openapi(current_app) if kind == _WHOLE else DOCUMENTS[kind].write(found)
    click.echo(written, nl=False)
