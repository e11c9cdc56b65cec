"""A terminal for commands that look different on one."""

import os
import pty

import pytest


def pair() -> tuple[int, int]:
    """Open a pseudo-terminal: what shows it, and what a command writes to.

    A bare chroot has none; there the test is skipped. In CI it fails.
    """
    try:
        return pty.openpty()
    except OSError as error:
        message = f"needs pseudo-terminals, as /dev/pts has them: {error}"
        if os.environ.get("CI"):
            pytest.fail(message, pytrace=False)
        pytest.skip(message)
