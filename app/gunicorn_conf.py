"""gunicorn's settings under the name that operators use: ``-c python:app.gunicorn_conf``."""

from app.server.gunicorn_conf import *  # noqa: F403  gunicorn takes each name as a setting
