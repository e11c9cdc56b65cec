"""A query of a legacy database, as its operator wrote it in a file."""

import re
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Dialect, text

from app.store.statement import Statement

_COMMENT = r"--[^\n]*|/\*.*?\*/"
_QUOTED = r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|\[[A-Za-z_][^\]]*\]|(?P<tag>\$\w*\$).*?(?P=tag)"""
_SKIPPED = re.compile(f"(?P<comment>{_COMMENT})|{_QUOTED}", re.S)
_BIND = re.compile(r"(?<![:\w\\]):(\w+)")
_READS = re.compile(r"(?:select|with)\b", re.I)


@dataclass(frozen=True)
class StatusQuery:
    """One SELECT with one bind parameter; its columns carry the members' names."""

    file: str
    sql: str
    """SQLAlchemy's text: what is no bind is escaped, comments are gone."""

    def __str__(self) -> str:
        return self.file

    def compile(self, dialect: Dialect) -> Statement:
        """Return the statement in the style of a dialect's driver."""
        return Statement.compile(text(self.sql), dialect)


def read_query(file: str, asked_by: str) -> StatusQuery:
    """Read a file of SQL with the parameter ``asked_by``; raises ValueError with what is wrong."""
    try:
        written = Path(file).read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ValueError(f"must be a readable file, not {file!r}: {error.strerror}") from None
    except ValueError:
        raise ValueError(f"must be a file of UTF-8 text: {file!r} is not") from None
    parts = _parts(written)
    code = "".join(text for text, quoted in parts if not quoted).strip().rstrip("; \t\r\n")
    found = sorted(set(_BIND.findall(code)))
    if found != [asked_by]:
        named = ", ".join(f":{name}" for name in found) or "no parameter"
        raise ValueError(
            f"must be a file of SQL with :{asked_by} and no other parameter: {file!r} has {named}"
        )
    if ";" in code or not _READS.match(code):
        raise ValueError(f"must be a file of one SELECT: {file!r} is not")
    # SQLAlchemy takes ":user_id::int" for the bind "user_i": a blank ends the name.
    sql = "".join(
        text.replace(":", "\\:") if quoted else _BIND.sub(r":\1 ", text) for text, quoted in parts
    )
    return StatusQuery(file, sql.strip().rstrip("; \t\r\n"))


def _parts(written: str) -> list[tuple[str, bool]]:
    """Split SQL into texts and whether each is quoted; a comment becomes a blank."""
    parts: list[tuple[str, bool]] = []
    at = 0
    for found in _SKIPPED.finditer(written):
        parts.append((written[at : found.start()], False))
        parts.append((" ", False) if found["comment"] else (found[0], True))
        at = found.end()
    return [*parts, (written[at:], False)]
