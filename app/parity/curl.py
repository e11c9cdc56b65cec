"""A request as a curl command that sends it byte for byte."""

import shlex

from app.parity.recording import Request

_ADDED_BY_CURL = ("Accept", "User-Agent")


def curl(request: Request, base_url: str) -> str:
    """Return the command; an empty header takes back what curl adds by itself."""
    method = {"GET": [], "HEAD": ["-I"]}.get(request.method, ["-X", request.method])
    headers = [f"{name}: {value}" if value else f"{name};" for name, value in request.headers]
    headers += [f"{name}:" for name in _ADDED_BY_CURL if request.header(name) is None]
    options = [part for header in headers for part in ("-H", header)]
    url = base_url.rstrip("/") + request.target
    return shlex.join(["curl", "-si", "-g", "--path-as-is", *method, *options, url])
