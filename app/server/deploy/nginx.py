"""A site for nginx: TLS, limits for each address, buffering, timeouts."""

from collections.abc import Sequence
from string import Template

from app.webapi.uri import canonical_path

_SITE = Template("""\
# chargecloud behind nginx: save as /etc/nginx/conf.d/chargecloud.conf, then nginx -t.
# Set CHARGECLOUD_PROXY_HOPS=1 for the service.
limit_req_zone $$binary_remote_addr zone=chargecloud_requests:10m rate=${rate}r/s;
limit_conn_zone $$binary_remote_addr zone=chargecloud_connections:10m;

upstream chargecloud {
    zone chargecloud_upstream 64k;
${servers}
    keepalive 32;
}

# A Host that is not served here gets no answer.
server {
    listen ${listen} ssl default_server;
    server_name "";
    ssl_certificate ${certificate};
    ssl_certificate_key ${key};
    return 444;
}

server {
    listen ${listen} ssl;
    server_name ${name};
    server_tokens off;

    ssl_certificate ${certificate};
    ssl_certificate_key ${key};
    ssl_protocols TLSv1.2 TLSv1.3;
    ssl_session_cache shared:chargecloud:10m;
    ssl_session_tickets off;

    # The service reads no body; a legacy client's small one may come.
    client_max_body_size 64k;
    client_header_timeout 10s;
    client_body_timeout 10s;
    send_timeout 10s;
    keepalive_timeout 60s;
    reset_timedout_connection on;
    client_header_buffer_size 2k;
    large_client_header_buffers 4 8k;

    limit_req zone=chargecloud_requests burst=${burst} nodelay;
    limit_req_status 429;
    limit_conn chargecloud_connections 64;
    limit_conn_status 429;

    # proxy_pass has no path: what the client asked goes on as it came.
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
        proxy_read_timeout 15s;
        proxy_send_timeout 5s;
        ${next}
    }

    # For those who watch over the service, not for its clients.
    location = ${prefix}/metrics { return 404; }
    location = ${prefix}/readyz { return 404; }
}
""")

# An instance that fails three times within two seconds is left alone for as long.
_SKIPPED = "max_fails=3 fail_timeout=2s"
_NEXT = """\
proxy_next_upstream error timeout;
        proxy_next_upstream_tries 2;
        proxy_next_upstream_timeout 5s;"""


def site(
    name: str,
    upstreams: Sequence[str],
    listen: str,
    certificate: str,
    key: str,
    base_path: str,
    rate: int,
) -> str:
    """Return the site; ``rate`` is requests a second for each address.

    A request that one of several instances didn't answer goes to another one, unless it may have
    changed something: nginx repeats no POST.
    """
    base = canonical_path(base_path)
    return _SITE.substitute(
        name=name,
        servers="\n".join(f"    server {upstream} {_SKIPPED};" for upstream in upstreams),
        next=_NEXT if len(upstreams) > 1 else "proxy_next_upstream off;",
        listen=listen,
        certificate=certificate,
        key=key,
        prefix=base.rstrip("/"),
        rate=rate,
        burst=rate * 2,
    )
