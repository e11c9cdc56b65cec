"""How a database URL is shown: without what opens the database."""

import re

from sqlalchemy.engine import URL, make_url

_SECRET = re.compile(r"pass|pwd|secret|token|odbc_connect", re.I)


def masked_url(url: str | URL) -> str:
    """Return a SQLAlchemy URL with ``***`` for its password and for each secret option."""
    parsed = make_url(url)
    query = {name: "***" if _SECRET.search(name) else value for name, value in parsed.query.items()}
    shown = parsed.set(query=query).render_as_string(hide_password=True)
    return shown.replace("%2A%2A%2A", "***")
