"""The errors of the parity kit's inputs."""

from app.errors import CommandError


class InputError(CommandError):
    """A file or range that can't be used; the message names it and says what is allowed."""

    exit_code = 2
