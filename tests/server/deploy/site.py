"""The printed site in Debian's nginx."""

import socket
import ssl
import subprocess
import sys
from collections.abc import Mapping
from contextlib import AbstractContextManager
from functools import cache
from pathlib import Path
from typing import Any

from tests import packages, truth
from tests.conftest import ROOT

CHARGECLOUD = [sys.executable, "-m", "app"]
_MAIN = """\
daemon off;
worker_processes 1;
pid {0}/pid;
error_log stderr warn;
events {{ worker_connections 1024; }}
http {{
    access_log {0}/access.log;
    {1}
    client_body_temp_path {0}/body;
    proxy_temp_path {0}/proxy;
    fastcgi_temp_path {0}/fastcgi;
    uwsgi_temp_path {0}/uwsgi;
    scgi_temp_path {0}/scgi;
    include {0}/site.conf;
}}
"""


@cache
def _trusting() -> ssl.SSLContext:
    """Return what trusts nginx, whose certificate nobody signed, without reading the system's."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


class TlsClient(truth.Client):
    """Asks over TLS."""

    def connect(self) -> socket.socket:
        """Connect to nginx."""
        return _trusting().wrap_socket(super().connect())


def write(
    folder: Path,
    env: dict[str, str],
    port: int,
    upstreams: list[int],
    *more: str,
    http: str = "",
    changed: Mapping[str, str] = {},
) -> Path:
    """Write a whole configuration for nginx around the printed site.

    ``http`` stands beside the site, as other packages' settings do; ``changed`` has texts of the
    site and what stands in their place, such as a shorter time.
    """
    command = [*CHARGECLOUD, "deploy", "nginx", "--name", "legacy.example 127.0.0.1 [::1]"]
    command += [f"--upstream=127.0.0.1:{upstream}" for upstream in upstreams]
    command += ["--listen", f"127.0.0.1:{port}"]
    command += ["--certificate", f"{folder}/cert.pem", "--key", f"{folder}/key.pem"]
    command += ["--logs", str(folder), *more]
    done = subprocess.run(command, cwd=ROOT, env=env, check=True, capture_output=True, text=True)
    site = done.stdout
    for text, other in changed.items():
        assert text in site
        site = site.replace(text, other)
    (folder / "site.conf").write_text(site)
    (folder / "nginx.conf").write_text(_MAIN.format(folder, http))
    certificate(folder)
    return folder / "nginx.conf"


def certificate(folder: Path) -> None:
    """Write cert.pem and key.pem."""
    make = [
        packages.program("openssl"),
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-subj",
        "/CN=a",
    ]
    make += ["-keyout", f"{folder}/key.pem", "-out", f"{folder}/cert.pem", "-days", "2"]
    subprocess.run(make, check=True, capture_output=True)


def nginx(
    folder: Path, env: dict[str, str], port: int, upstreams: list[int], *more: str, **options: Any
) -> AbstractContextManager[truth.Server]:
    """Run nginx with the printed site; takes what ``write`` takes."""
    configuration = write(folder, env, port, upstreams, *more, **options)
    command = [
        packages.program("nginx"),
        "-p",
        str(folder),
        "-c",
        str(configuration),
        "-e",
        "stderr",
    ]
    return truth.running(command, port, env, folder)
