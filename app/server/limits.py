"""Limits that are the same for every server."""

HEAD_BYTES = 16_384 + 1_024
"""Of a request's line and headers: what http.sys takes (MaxRequestBytes), and what a proxy adds."""
KEEP_ALIVE_SECONDS = 75
"""How long an idle connection stays open: longer than nginx keeps its own (60)."""
GRACEFUL_SECONDS = 30
"""How long a stopping server waits for what it has begun."""
THREADS = {"gunicorn": 4, "granian": 8, "waitress": 4}
"""Of each worker, by server, unless `serve --threads` says otherwise."""
CONNECTIONS = {"gunicorn": 1000, "granian": 4000, "waitress": 1000}
"""Connections that each worker may keep open.

granian enforces none: its descriptors are the limit.
"""
