"""The errors that a command line shows in one line; each room adds its own below these."""


class CommandError(Exception):
    """An error whose message is one line for the user: what is wrong, and what is allowed."""

    exit_code = 1


class ConfigError(CommandError):
    """A setting that can't be used; the message names it and says what is allowed."""

    exit_code = 2


class StoreError(CommandError):
    """The store can't be read or written; the message is for the log and the command line."""


_DISTRIBUTIONS = {
    "jwt": "'PyJWT[crypto]'",
    "cryptography": "'PyJWT[crypto]'",
    "prometheus_client": "prometheus-client",
    "psycopg": "'psycopg[binary]'",
}
"""Module -> what pip installs it by, where that is not the module's own name."""


def missing(error: ImportError) -> str:
    """Say which package is missing, by the name that an index has it under."""
    module = str(error.name).partition(".")[0]
    name = _DISTRIBUTIONS.get(module, module)
    return f"needs a package that is not installed: pip install {name}"
