"""The options that several of the kit's commands share, in groups."""

from collections.abc import Callable
from dataclasses import fields
from functools import wraps
from glob import glob
from itertools import chain
from pathlib import Path
from typing import Any

import click

from app.parity.arguments import Listening, Masking, Pace, Reporting, Requests
from app.parity.client import MAX_BODY, parse_base_url
from app.parity.credentials import KEY_PASSWORD, Credentials, HeaderType
from app.parity.headers import NOT_COMPARED, ComparedHeaders
from app.parity.matrix import SIZE

_Command = Callable[..., Any]


def _grouped(
    name: str, group: type[Any], *added: Callable[[_Command], _Command], prefix: str = ""
) -> Callable[[_Command], _Command]:
    """Return a decorator that adds options to a command, which takes them as one argument.

    The options' names start with the prefix, the group's fields don't.
    """

    def add(command: _Command) -> _Command:
        @wraps(command)
        def grouped(*arguments: Any, **values: Any) -> Any:
            own = {field.name: values.pop(prefix + field.name) for field in fields(group)}
            return command(*arguments, **values, **{name: group(**own)})

        decorated: _Command = grouped
        for option in reversed(added):
            decorated = option(decorated)
        return decorated

    return add


def _address(
    context: click.Context, parameter: click.Parameter, text: str | None
) -> tuple[str, int] | None:
    if text is None:
        return None
    host, _, port = text.rpartition(":")
    name = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    is_port = port.isascii() and port.isdecimal() and int(port) < 65536
    if not name or (":" in name and name == host) or not is_port:
        raise click.BadParameter(f"must be HOST:PORT or [IPv6]:PORT, not {text!r}")
    return name, int(port)


def url_argument(context: click.Context, parameter: click.Parameter, text: str) -> str:
    """Check a base URL. Raises BadParameter."""
    try:
        parse_base_url(text)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None
    return text


def _headers(
    context: click.Context, parameter: click.Parameter, names: tuple[str, ...]
) -> tuple[str, ...]:
    for name in names:
        if ComparedHeaders().has(name):
            listed = ", ".join(NOT_COMPARED)
            raise click.BadParameter(
                f"must be one of {listed}, not {name!r}: all others are compared anyway"
            )
    return names


def files_argument(
    context: click.Context, parameter: click.Parameter, texts: tuple[str, ...]
) -> tuple[Path, ...]:
    """Return the files that names and patterns mean. Raises BadParameter."""
    found: list[Path] = []
    for text in texts:
        names = [text] if Path(text).exists() else sorted(glob(text, recursive=True))
        files = [path for path in map(Path, names) if path.exists() and not path.is_dir()]
        if not files:
            raise click.BadParameter(f"there is no file {text}")
        found += files
    return tuple(dict.fromkeys(found))


existing = click.Path(exists=True, dir_okay=False, path_type=Path)
written = click.Path(dir_okay=False, writable=True, path_type=Path)

REQUESTS = _grouped(
    "requests",
    Requests,
    click.option(
        "--action",
        metavar="PATH",
        help="The action, such as Meter/Reading; default: the service's first action.",
    ),
    click.option("--users", metavar="IDS", help="Ids and ranges such as 1-100,7, or a file."),
    click.option("--matrix", is_flag=True, help=f"Send {SIZE} requests for each user, not two."),
    click.option(
        "--log",
        "logs",
        multiple=True,
        metavar="FILE",
        callback=files_argument,
        help="Read the action's GETs from a log: IIS, combined, JSON lines, HAR, or URLs one a "
        "line; .gz or not; a pattern such as 'u_ex*.log' for several.",
    ),
    click.option(
        "--log-fields",
        default="",
        metavar="NAMES",
        help="The fields of IIS logs without a #Fields line, named as in such a line.",
    ),
    click.option(
        "--log-method",
        metavar="FIELD",
        help="The field of the method in JSON lines, such as request.method.",
    ),
    click.option("--log-url", metavar="FIELD", help="The field of the URL or path."),
    click.option("--log-headers", metavar="FIELD", help="The field of the request's headers."),
    click.option("--limit", type=click.IntRange(1), help="Stop after this many requests."),
)
LISTENING = _grouped(
    "listening",
    Listening,
    click.option(
        "--listen",
        metavar="HOST:PORT",
        callback=_address,
        help="Listen here for requests that a proxy mirrors, until stopped. /metrics shows the"
        " counts, and / the verdict of a comparison.",
    ),
    click.option(
        "--sample",
        type=click.FloatRange(0, 1, min_open=True),
        default=1.0,
        show_default=True,
        help="The share of the mirrored requests that is sent.",
    ),
)
PACE = _grouped(
    "pace",
    Pace,
    click.option(
        "--rate",
        type=click.FloatRange(0, min_open=True),
        help="At most this many requests per second to a service.",
    ),
    click.option(
        "--concurrency",
        type=click.IntRange(1, 256),
        default=16,
        show_default=True,
        help="Requests at once.",
    ),
    click.option(
        "--timeout",
        type=click.FloatRange(0, min_open=True),
        default=10.0,
        show_default=True,
        help="Seconds for a whole answer.",
    ),
    click.option(
        "--max-body",
        type=click.IntRange(1),
        default=MAX_BODY,
        show_default=True,
        help="The largest body that is read, in bytes.",
    ),
    click.option(
        "--away",
        type=click.FloatRange(0),
        default=30.0,
        show_default=True,
        help="Seconds in all to wait for a service that answered before and then refuses.",
    ),
    click.option(
        "--failures",
        type=click.IntRange(1),
        default=10,
        show_default=True,
        help="Stop after this many requests without an answer.",
    ),
)
MASKING = _grouped(
    "masking",
    Masking,
    click.option(
        "--mask",
        "masked",
        multiple=True,
        metavar="MEMBER",
        help="Write tokens for this member's values.",
    ),
    click.option(
        "--mask-key", type=existing, help="The file that holds the secret key for masking."
    ),
)
REPORTING = _grouped(
    "reporting",
    Reporting,
    click.option(
        "--compare",
        "more",
        multiple=True,
        metavar="HEADER",
        callback=_headers,
        help="Also compare this header, which is ignored by default, such as Server.",
    ),
    click.option("--allow", type=existing, help="A TOML file of allowed differences."),
    click.option("--own-host", is_flag=True, help="Send the service's own address as the Host."),
    click.option(
        "--repeat",
        type=click.IntRange(0, 1000),
        default=0,
        show_default=True,
        metavar="N",
        help="Send each request N more times, at random moments.",
    ),
    click.option(
        "--dropped",
        type=click.IntRange(0),
        default=0,
        show_default=True,
        metavar="N",
        help="Pass if at most N connections ended between a request and its answer.",
    ),
    click.option("--json", "as_json", type=written, help="Write a report as JSON."),
    click.option("--junit", type=written, help="Write a report as JUnit XML, for a build server."),
    click.option("--html", type=written, help="Write a report as one page."),
)


def credentials(side: str = "") -> Callable[[_Command], _Command]:
    """Return a decorator that adds the options for a service's door, each for a side if named."""
    name = f"{side}_" if side else ""
    option = f"--{side}-" if side else "--"
    service = f"the {side} service" if side else "the service"

    def file(what: str, text: str) -> Callable[[_Command], _Command]:
        return click.option(f"{option}{what}", type=existing, help=text)

    return _grouped(
        f"{name}credentials",
        Credentials,
        click.option(
            f"{option}header",
            f"{name}headers",
            multiple=True,
            type=HeaderType(),
            callback=lambda _, __, given: tuple(chain.from_iterable(given)),
            envvar=f"PARITY_{name}HEADER".upper(),
            show_envvar=True,
            metavar="'NAME: VALUE'|@FILE",
            help=f"Send {service} this header; reports never show it.",
        ),
        file("cert", f"A PEM file with the client certificate, and its key without {option}key."),
        file("key", f"The certificate's key; {KEY_PASSWORD} holds its password."),
        file("cacert", f"A PEM file with the CAs that {service}'s certificate may come from."),
        prefix=name,
    )
