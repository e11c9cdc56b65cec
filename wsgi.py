"""The WSGI entry: ``gunicorn wsgi:app``, ``flask --app wsgi run``."""

import sys

from app.errors import ConfigError
from app.factory import create_app

try:
    app = create_app()
except ConfigError as error:
    print(f"chargecloud: {error}", file=sys.stderr)
    # gunicorn's code for an application that can't be loaded: at any other, it would start
    # workers for ever.
    sys.exit(4)
