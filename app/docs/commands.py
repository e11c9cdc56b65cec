"""The schema command."""

import click
from flask import current_app

from app.docs.documents import DOCUMENTS, contract_named, contracts_of


@click.command("schema")
@click.argument("kind", type=click.Choice([*DOCUMENTS]))
@click.argument("contract", default="")
def schema(kind: str, contract: str) -> None:
    """Print the schema of a CONTRACT, of the first one unless it is named."""
    names = [found.name() for found in contracts_of(current_app)]
    found = contract_named(current_app, contract or names[0])
    if found is None:
        raise click.BadParameter(f"{contract!r} is not one of {', '.join(names)}")
    click.echo(DOCUMENTS[kind].write(found), nl=False)
