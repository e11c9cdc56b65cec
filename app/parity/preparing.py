"""What the kit's commands make of their options."""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Final, cast

import click
from click.core import ParameterSource
from flask import current_app

from app.host.application import WebApi
from app.parity import allowed, selection
from app.parity.amount import amount
from app.parity.arguments import Listening, Masking, Pace, Requests
from app.parity.client import Service
from app.parity.coverage import Coverage
from app.parity.credentials import Credentials
from app.parity.crowd import Crowd
from app.parity.masking import Mask
from app.parity.selection import Selection
from app.parity.terminal import say
from app.webapi.routing import HttpActionDescriptor

_NEEDED: Final = {
    "sample": "listen",
    "mask_key": "masked",
    "log_fields": "logs",
    "log_method": "logs",
    "log_url": "logs",
    "log_headers": "logs",
}
"""Parameter of a command -> the one without which it does nothing."""
_NOT_LIVE: Final = ("repeat", "failures", "seed")


def service_of(
    base_url: str, pace: Pace, opened_by: Credentials, *, own_host: bool = False
) -> Service:
    """Return the service at a base URL, which is opened by credentials."""
    return Service(
        base_url,
        limits=pace.limits,
        headers=opened_by.headers,
        own_host=own_host,
        tls=opened_by.tls(base_url),
    )


def selection_of(
    service: Service,
    requests: Requests,
    recordings: Path | None = None,
    listening: Listening | None = None,
) -> Selection:
    """Return the requests to send. Raises UsageError where that is not clear."""
    _refuse_without_effect(click.get_current_context())
    listens = listening is not None and listening.listen is not None
    named = requests.users is not None or bool(requests.logs) or recordings is not None
    if listens and named:
        raise click.UsageError("--listen sends what is mirrored: name no users, logs or recordings")
    if not listens and not named:
        raise click.UsageError(
            "name the requests to send: --users, --log, --listen or, to compare, --recordings"
        )
    if requests.matrix and requests.users is None:
        raise click.UsageError("--matrix needs --users")
    made = Selection(
        _action(requests.action),
        service.host,
        by_matrix=requests.matrix,
        recorded=recordings,
        limit=requests.limit,
    )
    made.logs = requests.access_logs(made.action)
    if requests.users is not None:
        made.ids = selection.users(requests.users)
    return made


def say_others(chosen: Selection) -> None:
    """Report what else the logs held, and how their requests are sent."""
    for log in chosen.logs:
        if log.in_both:
            say(
                f"{log.path}: names no Accept, so each request is sent for JSON and for XML"
                f" ({amount(log.in_both, 'request')})"
            )
        for why, number in log.others.most_common():
            say(f"{log.path}: {number:,} not taken: {why}")


def mask_of(key: Path | None) -> Callable[[tuple[str, ...]], Mask]:
    """Return what makes the mask of some members with the key in a file. Raises UsageError."""
    if key is None:
        return Mask
    content = key.read_bytes().strip()
    if not content:
        raise click.UsageError(f"{key} is empty: it must hold the key")
    return lambda members: Mask(members, content)


def chosen_mask(masking: Masking, action: HttpActionDescriptor | None = None) -> Mask:
    """Return the mask of the members that ``--mask`` names. Raises UsageError.

    They must be an action's, and for ``None`` those of any action.
    """
    actions = _app().actions if action is None else [action]
    known = dict.fromkeys(name for each in actions for name in _app().contracts[each].members())
    for name in masking.masked:
        if name not in known:
            said = f"{name!r} is not one of {', '.join(known)}"
            raise click.BadParameter(said, param_hint="'--mask'")
    return mask_of(masking.mask_key)(masking.masked)


def allowed_of(path: Path | None) -> allowed.AllowedDifferences:
    """Return the allowed differences of a file. Raises AllowedError."""
    entries = [] if path is None else allowed.read(path)
    return allowed.AllowedDifferences(entries, date.today())


def crowd_of(pace: Pace) -> Crowd | None:
    """Return the threads that send requests, if there are several."""
    return Crowd() if pace.concurrency > 1 else None


def coverage_of(action: HttpActionDescriptor | None = None) -> Coverage:
    """Return the coverage, still empty, of an action, the application's first for ``None``."""
    action = action or _action()
    return Coverage(action.parameter, tuple(_app().contracts[action].members()))


def _refuse_without_effect(context: click.Context) -> None:
    """Refuse an option that does nothing beside the others. Raises UsageError."""
    flags = {option.name: option.opts[0] for option in context.command.params}
    given = {
        name
        for name in flags
        if name and context.get_parameter_source(name) is not ParameterSource.DEFAULT
    }
    for name, needed in _NEEDED.items():
        if name in given and needed not in given:
            raise click.UsageError(f"{flags[name]} has no effect without {flags[needed]}")
    for name in _NOT_LIVE:
        if {name, "listen"} <= given:
            raise click.UsageError(f"{flags[name]} has no effect with --listen")


def _action(path: str | None = None) -> HttpActionDescriptor:
    """Return an action by its path, the application's first one for ``None``."""
    known = {f"{each.controller}/{each.action}": each for each in _app().actions}
    for found, action in known.items():
        if path is None or found.lower() == path.strip("/").lower():
            return action
    raise click.BadParameter(f"{path!r} is not one of {', '.join(known)}", param_hint="'--action'")


def _app() -> WebApi:
    return cast(WebApi, current_app)
