"""Which resource a command means."""

from collections.abc import Iterable

import click

from schemas.resource import Resource


def resource_named(resources: Iterable[Resource], name: str | None) -> Resource:
    """Return the resource whose contract has a name, in any case; the first one for ``None``.

    Raises click.BadParameter for an unknown name.
    """
    known = {each.contract.name(): each for each in resources}
    for found, resource in known.items():
        if name is None or found.lower() == name.lower():
            return resource
    raise click.BadParameter(
        f"{name!r} is not one of {', '.join(known)}", param_hint="'--contract'"
    )
