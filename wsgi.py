"""The WSGI entry: ``gunicorn wsgi:app``, ``flask --app wsgi run``."""

import sys

from app.errors import ConfigError
from app.factory import create_app

try:
    app = create_app()
except ConfigError as error:
    sys.exit(f"chargecloud: {error}")
