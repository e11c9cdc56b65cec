"""A unit for systemd: its own user, a read-only file system, and limits that fit the workers."""

import os
from dataclasses import dataclass
from pathlib import Path
from string import Template
from urllib.parse import urlsplit

from sqlalchemy.engine import make_url

from app.config import PREFIX, Settings, secrets
from app.server.deploy.resources import resources

_UNIT = Template("""\
# chargecloud: save as /etc/systemd/system/chargecloud.service, then systemctl daemon-reload.
${warnings}# Settings go to /etc/chargecloud/environment, secrets to files beside it (NAME_FILE).
[Unit]
Description=chargecloud: the status of an electric-vehicle charge
After=network-online.target
Wants=network-online.target

[Service]
${type}
ExecStart=${command} serve ${options}
ExecReload=/bin/kill -HUP $$MAINPID
KillMode=mixed
TimeoutStopSec=40
Restart=on-failure
RestartSec=1
# Instead of DATABASE_URL, a secret one: LoadCredential=database_url:/etc/chargecloud/database_url
# and Environment=CHARGECLOUD_DATABASE_URL_FILE=%d/database_url
EnvironmentFile=-/etc/chargecloud/environment
Environment=CHARGECLOUD_DATABASE_URL=sqlite:////var/lib/chargecloud/chargecloud.sqlite
Environment=PYTHONDONTWRITEBYTECODE=1

DynamicUser=yes
StateDirectory=chargecloud
StateDirectoryMode=0700
ConfigurationDirectory=chargecloud
WorkingDirectory=/var/lib/chargecloud
UMask=0077
# For the workers, threads and connections that ExecStart has.
LimitNOFILE=${descriptors}
MemoryMax=${megabytes}M
TasksMax=${tasks}

ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
PrivateDevices=yes
PrivateUsers=yes
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectKernelLogs=yes
ProtectControlGroups=yes
ProtectClock=yes
ProtectHostname=yes
ProtectProc=invisible
ProcSubset=pid
NoNewPrivileges=yes
RestrictSUIDSGID=yes
RestrictNamespaces=yes
RestrictRealtime=yes
LockPersonality=yes
MemoryDenyWriteExecute=yes
RemoveIPC=yes
CapabilityBoundingSet=
AmbientCapabilities=
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
# The workers pin themselves to cores, in the batch class.
SystemCallFilter=sched_setaffinity sched_setscheduler
SystemCallErrorNumber=EPERM
${network}

[Install]
WantedBy=multi-user.target
""")

_LOCAL = "# nginx and the store are on this machine; without these two lines, any may be reached.\n"
_LOCAL += "IPAddressDeny=any\nIPAddressAllow=localhost"


_NOTIFIES = "Type=notify\nNotifyAccess=main"
_HIDDEN = ("/home", "/root", "/run/user")


@dataclass(frozen=True, kw_only=True)
class Unit:
    """What a unit is printed from; all texts are checked.

    Args:
        command: the path of the installed chargecloud.
        interpreter: what runs it, ``None`` where that is not known.
        bind: HOST:PORT.
        server: the server's name.
        workers: how many processes.
        threads: of each worker, ``None`` for as many as suit the server.
        local: whether the service is kept from every other machine.
    """

    command: str
    interpreter: str | None
    bind: str
    server: str
    workers: int
    threads: int | None
    local: bool

    def text(self, settings: Settings) -> str:
        """Return the unit, with its warnings as comments."""
        limits = resources(self.server, self.workers, self.threads)
        return _UNIT.substitute(
            limits._asdict(),
            warnings="".join(f"# Warning: {text}.\n" for text in self.warnings(settings)),
            type=_NOTIFIES if self.server == "gunicorn" else "Type=exec",
            command=self.command,
            options=" ".join(self._options()),
            network=_LOCAL if self.local else "",
        )

    def warnings(self, settings: Settings) -> list[str]:
        """Return what would keep the service from starting or working."""
        used = [self.command, self.interpreter, *_files(settings)]
        found = [
            f"ProtectHome=yes hides {hidden} from the service; put it elsewhere"
            for path in used
            if path and (hidden := _in_a_home(path))
        ]
        if self.local and (remote := _remote(settings)):
            found.append(f"IPAddressDeny=any keeps it from {remote}; print it with --no-local")
        return found

    def _options(self) -> list[str]:
        options = ["--bind", self.bind, "--workers", str(self.workers)]
        if self.server != "gunicorn":
            options += ["--server", self.server]
        return options if self.threads is None else [*options, "--threads", str(self.threads)]


def _files(settings: Settings) -> list[str]:
    """Return the files that the settings name."""
    named = [settings.status_query, settings.api_keys_file, settings.jwt_jwks]
    named += [os.environ.get(f"{PREFIX}{name}_FILE") for name in secrets()]
    url = make_url(settings.database_url) if settings.database_url else None
    if url is not None and url.get_backend_name() == "sqlite":
        named.append(url.database)
    return [path for path in named if path and path.startswith("/")]


def _in_a_home(path: str) -> Path | None:
    """Return a path, or what it links to, if it is in a folder that ProtectHome hides."""
    for item in (Path(path), Path(path).resolve()):
        if any(item.is_relative_to(folder) for folder in _HIDDEN):
            return item
    return None


def _remote(settings: Settings) -> str | None:
    """Return a host on another machine that the settings name."""
    hosts: list[str | None] = []
    if settings.database_url:
        url = make_url(settings.database_url)
        hosts.append(url.host)
        hosts += [text.partition(":")[0] for text in url.normalized_query.get("host", ())]
    if settings.jwt_jwks and "://" in settings.jwt_jwks:
        hosts.append(urlsplit(settings.jwt_jwks).hostname)
    return next((host for host in hosts if host and not _is_here(host)), None)


def _is_here(host: str) -> bool:
    """Whether a host is this machine, or the folder of a unix socket."""
    return host in ("localhost", "127.0.0.1", "::1") or host.startswith("/")
