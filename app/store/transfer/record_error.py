"""The error that names where in a file something is wrong."""

from app.errors import StoreError

LONGEST = 16 * 1024 * 1024
"""How many bytes a line, an array's element or an XML answer may have."""


class RecordError(StoreError):
    """A record that can't be imported: file, line, member and reason in one line."""

    def __init__(self, file: str, line: int, reason: str, member: str | None = None) -> None:
        where = f"{printable(file)}:{line}" + (f": {printable(member)}" if member else "")
        super().__init__(f"{where}: {reason}")


def printable(name: str) -> str:
    """Return a name with its control characters escaped, cut to what fits a line."""
    shown = "".join(c if c.isprintable() else repr(c)[1:-1] for c in name)
    return shown if len(shown) <= 200 else shown[:197] + "..."


def too_long(file: str, line: int, what: str) -> RecordError:
    """Return the error for a line, element or answer of more than ``LONGEST`` bytes."""
    return RecordError(file, line, f"{what} is longer than 16 MB, which is the most allowed")
