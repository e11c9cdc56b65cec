"""What the kit's commands are told, each group of options as one value."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path

from app.parity.access_log import AccessLog, access_logs
from app.parity.client import Limits
from app.parity.log_formats import Names
from app.webapi.routing import HttpActionDescriptor


@dataclass(frozen=True, kw_only=True)
class Requests:
    """The requests to send."""

    action: str | None
    users: str | None
    matrix: bool
    logs: tuple[Path, ...]
    log_fields: str
    log_method: str | None
    log_url: str | None
    log_headers: str | None
    limit: int | None

    def access_logs(self, action: HttpActionDescriptor) -> list[AccessLog]:
        """Open the logs. Raises LogError."""
        names = Names(method=self.log_method, url=self.log_url, headers=self.log_headers)
        return access_logs(
            self.logs, partial(AccessLog, action=action, names=names), self.log_fields.split()
        )


@dataclass(frozen=True, kw_only=True)
class Listening:
    """Where mirrored requests come in, and which share of them is sent."""

    listen: tuple[str, int] | None
    sample: float


@dataclass(frozen=True, kw_only=True)
class Pace:
    """The pace: requests a second and at once, an answer's limits, and how many may fail."""

    rate: float | None
    concurrency: int
    timeout: float
    max_body: int
    away: float
    failures: int

    @property
    def limits(self) -> Limits:
        """What a service may take."""
        return Limits(self.timeout, self.away, self.max_body)


@dataclass(frozen=True, kw_only=True)
class Masking:
    """Which members' values are written as tokens, and the file of the key for them."""

    masked: tuple[str, ...]
    mask_key: Path | None


@dataclass(frozen=True, kw_only=True)
class Reporting:
    """What is compared besides, what may differ, and where reports go."""

    more: tuple[str, ...]
    allow: Path | None
    own_host: bool
    repeat: int
    dropped: int
    as_json: Path | None
    junit: Path | None
    html: Path | None

    @property
    def outputs(self) -> tuple[Path | None, ...]:
        """The files that are written."""
        return self.as_json, self.junit, self.html
