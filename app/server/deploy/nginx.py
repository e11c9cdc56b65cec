"""A site for nginx: TLS, limits for each address, buffering, timeouts."""

from collections.abc import Sequence
from dataclasses import dataclass
from string import Template

from app.config import Settings

_SITE = Template("""\
# chargecloud behind nginx: save as /etc/nginx/conf.d/chargecloud.conf, then nginx -t.
# Set CHARGECLOUD_PROXY_HOPS=1 for the service.
limit_req_zone $$binary_remote_addr zone=chargecloud_requests:10m rate=${rate}r/s;
limit_conn_zone $$binary_remote_addr zone=chargecloud_connections:10m;

# nginx's own format holds the whole target, and with it the user's id.
log_format chargecloud escape=json
    '{"time":"$$time_iso8601","client":"$$remote_addr","method":"$$request_method",'
    '"status":$$status,"upstream":"$$upstream_addr","upstream_status":"$$upstream_status",'
    '"bytes":$$body_bytes_sent,"seconds":$$request_time,"request_id":"$$request_id"}';

upstream chargecloud {
    zone chargecloud_upstream 64k;
${servers}
    keepalive 32;
}
${mirror_upstream}
# A Host that is not served here gets no answer.
server {
${listen_default}
    server_name "";
    return 444;
${shared}
}

server {
${listen}
    server_name ${name};
${shared}

    # The service reads no body; a legacy client's small one may come.
    client_max_body_size 64k;
    client_body_buffer_size 64k;

    limit_req zone=chargecloud_requests burst=${burst} nodelay;
    limit_req_status 429;
    limit_conn chargecloud_connections 64;
    limit_conn_status 429;

    # The legacy service compressed nothing.
    gzip off;
    # proxy_pass has no path: the client's target is passed on unchanged.
    merge_slashes off;

    location / {
        proxy_pass http://chargecloud;
        proxy_http_version 1.1;
        proxy_set_header Connection "";
        proxy_set_header Host $$http_host;
        proxy_set_header X-Forwarded-For $$remote_addr;
        proxy_set_header X-Forwarded-Proto $$scheme;
        proxy_set_header X-Forwarded-Host $$http_host;
        proxy_set_header X-Request-ID $$request_id;
        # nginx buffers both ways: a slow client holds none of the service's threads.
        proxy_request_buffering on;
        proxy_buffering on;
        proxy_buffers 8 16k;
        proxy_connect_timeout 2s;
        # Longer than the service takes to answer 500 for a database that doesn't answer.
        proxy_read_timeout ${read_timeout}s;
        proxy_send_timeout 5s;
${next}
${mirror}    }
${mirror_location}
    # For those who watch over the service, not for its clients.
    location = "${prefix}/metrics" { return 404; }
    location = "${prefix}/readyz" { return 404; }
}
""")

# In both servers: before nginx knows the Host it goes by the default one.
_SHARED = Template("""\
    server_tokens off;
    access_log ${logs}/chargecloud.log chargecloud;
    # Lines of lower levels name the target too.
    error_log ${logs}/chargecloud-error.log ${error_level};

    ssl_certificate ${certificate};
    ssl_certificate_key ${key};
    ssl_protocols TLSv1.2 TLSv1.3;
    # For TLS 1.2: forward secrecy and authenticated encryption.
    ssl_ciphers ECDHE+AESGCM:ECDHE+CHACHA20;
    ssl_session_cache shared:chargecloud:10m;
    ssl_session_tickets off;

    client_header_timeout 10s;
    client_body_timeout 10s;
    send_timeout 10s;
    keepalive_timeout 60s;
    reset_timedout_connection on;
    # A line of 16 KB, such as a Kerberos ticket, has to fit into one buffer.
    client_header_buffer_size 2k;
    large_client_header_buffers 4 16k;""")

# nginx sends each request to the kit too, and its answer is not waited for. Only the next request
# on the same connection waits until the copy is sent or given up: hence the short times.
_MIRROR_UPSTREAM = Template("""
upstream chargecloud_mirror {
    server ${address};
    keepalive 16;
}
""")
_MIRROR = """\
        mirror /chargecloud-mirror;
        mirror_request_body off;
"""
_MIRROR_LOCATION = """
    location = /chargecloud-mirror {
        internal;
        proxy_pass http://chargecloud_mirror/mirrored$request_uri;
        proxy_pass_request_body off;
        proxy_set_header Content-Length "";
        proxy_http_version 1.1;
        proxy_set_header Connection "";
        proxy_set_header Host $http_host;
        proxy_connect_timeout 50ms;
        proxy_send_timeout 50ms;
        proxy_read_timeout 50ms;
        proxy_next_upstream off;
    }
"""

# An instance that fails three times within two seconds is left alone for as long.
_SKIPPED = "max_fails=3 fail_timeout=2s"
_NEXT = """\
        proxy_next_upstream error timeout;
        proxy_next_upstream_tries 2;
        proxy_next_upstream_timeout 5s;"""
_NO_NEXT = "        proxy_next_upstream off;"
_READ_MARGIN_SECONDS = 10


@dataclass(frozen=True, kw_only=True)
class Site:
    """What a site is printed from; all texts are checked.

    Args:
        names: the host names, separated by blanks.
        upstreams: the instances, each HOST:PORT or unix:/path.
        listens: the addresses of nginx, each PORT or HOST:PORT.
        certificate: a path.
        key: a path.
        logs: the folder for its logs.
        rate: requests a second for each address.
        mirror: where the parity kit listens for a copy of each request, ``None`` for no copy.
    """

    names: str
    upstreams: Sequence[str]
    listens: Sequence[str]
    certificate: str
    key: str
    logs: str
    rate: int
    mirror: str | None = None

    def text(self, settings: Settings) -> str:
        """Return the site for a service with these settings.

        A request that one of several instances didn't answer goes to another one, unless it may
        have changed something: nginx repeats no POST.
        """
        return _SITE.substitute(
            name=self.names,
            servers=_lines(f"server {{}} {_SKIPPED}", self.upstreams),
            listen=_lines("listen {} ssl", self.listens),
            listen_default=_lines("listen {} ssl default_server", self.listens),
            shared=self._shared(settings),
            next=_NEXT if len(self.upstreams) > 1 else _NO_NEXT,
            prefix=settings.base_path.rstrip("/"),
            read_timeout=settings.database_timeout + _READ_MARGIN_SECONDS,
            rate=self.rate,
            burst=self.rate * 2,
            **self._mirrored(),
        )

    def _mirrored(self) -> dict[str, str]:
        if self.mirror is None:
            return dict.fromkeys(("mirror_upstream", "mirror", "mirror_location"), "")
        return {
            "mirror_upstream": _MIRROR_UPSTREAM.substitute(address=self.mirror),
            "mirror": _MIRROR,
            "mirror_location": _MIRROR_LOCATION,
        }

    def _shared(self, settings: Settings) -> str:
        return _SHARED.substitute(
            certificate=self.certificate,
            key=self.key,
            logs=self.logs,
            error_level="error" if settings.log_user_id else "crit",
        )


def _lines(form: str, values: Sequence[str]) -> str:
    return "\n".join(f"    {form.format(value)};" for value in values)
