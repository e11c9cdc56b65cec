"""A unit for systemd: Type=notify, an own user, a system that can only be read."""

from string import Template

_UNIT = Template("""\
# chargecloud: save as /etc/systemd/system/chargecloud.service, then systemctl daemon-reload.
# Settings go to /etc/chargecloud/environment, secrets to files beside it (NAME_FILE).
[Unit]
Description=chargecloud: the status of an electric-vehicle charge
After=network-online.target
Wants=network-online.target

[Service]
Type=notify
NotifyAccess=main
ExecStart=${command} serve --bind ${bind}
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
LimitNOFILE=65536
MemoryMax=1G
TasksMax=256

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
# The workers pin themselves to cores.
SystemCallFilter=sched_setaffinity
SystemCallErrorNumber=EPERM
${network}

[Install]
WantedBy=multi-user.target
""")

_LOCAL = "# nginx and the store are on this machine; without these two lines, any may be reached.\n"
_LOCAL += "IPAddressDeny=any\nIPAddressAllow=localhost"


def unit(command: str, bind: str, local: bool) -> str:
    """Return the unit; ``local`` keeps the service from every other machine."""
    return _UNIT.substitute(command=command, bind=bind, network=_LOCAL if local else "")
