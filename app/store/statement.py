"""A query with one Int32 as its parameter, as a driver takes it."""

from dataclasses import dataclass
from typing import Any, Self

from sqlalchemy import Dialect
from sqlalchemy.sql.elements import ClauseElement


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL in the style of a dialect's driver, and how its one bind parameter is given."""

    sql: str
    name: str
    times: int
    """How often the value is given by position; 0 where it is given by name."""

    @classmethod
    def compile(cls, statement: ClauseElement, dialect: Dialect) -> Self:
        """Compile a statement with at most one bind parameter."""
        compiled: Any = statement.compile(dialect=dialect)
        return cls(str(compiled), next(iter(compiled.params), ""), len(compiled.positiontup or ()))

    def parameters(self, asked: int) -> Any:
        """Return the driver's parameters."""
        return (asked,) * self.times or {self.name: asked}
