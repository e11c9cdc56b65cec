"""The chargecloud command: Flask's command group, with errors in one line."""

import sys
from collections.abc import Sequence
from typing import Any, NoReturn

import click
from flask.cli import FlaskGroup

from app.config import ConfigError
from app.factory import create_app
from app.store.store import StoreError

_FAILURES = (StoreError, OSError)


class Cli(FlaskGroup):
    """Says what is wrong in one line: exit code 2 for usage and settings, 1 for a failure."""

    def main(self, args: Sequence[str] | None = None, *_: Any, **options: Any) -> NoReturn:
        """Run the command line and exit."""
        try:
            result = super().main(args, "chargecloud", standalone_mode=False, **options)
            sys.exit(result if isinstance(result, int) else 0)
        except click.exceptions.Abort:
            sys.exit(130)
        except click.ClickException as error:
            _fail(error.format_message(), error.exit_code)
        except ConfigError as error:
            _fail(str(error), 2)
        except BrokenPipeError:
            # Who reads the output has gone, as `| head` does.
            sys.stderr.close()
            sys.exit(1)
        except _FAILURES as error:
            _fail(str(error), 1)


def _fail(message: str, code: int) -> NoReturn:
    click.echo(f"chargecloud: {' '.join(message.split())}", err=True)
    sys.exit(code)


main = Cli(create_app=create_app, add_version_option=False)
