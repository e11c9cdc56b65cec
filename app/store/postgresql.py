"""psycopg with a deadline: the thread that waits for the server gives up by itself.

psycopg writes its protocol as generators that its wait functions resume whenever the socket is
ready, or after an interval. A generator around them looks at the clock each time. ``Connection.
wait``, ``generators.connect``, ``waiting.wait_conn`` and ``conninfo.conninfo_attempts`` are public
names without documentation; setup.cfg bounds psycopg's version for their sake.
"""

from collections.abc import Generator
from typing import Any, TypeVar

import psycopg
from psycopg import generators, waiting
from psycopg.abc import RV, PQGen
from psycopg.conninfo import conninfo_attempts, conninfo_to_dict, make_conninfo
from psycopg.pq.abc import PGconn

from app.store.deadline import SilenceError, remaining, within

State = TypeVar("State")
_INTERVAL_SECONDS = 0.05


class Connection(psycopg.Connection[Any]):
    """A connection that waits no longer than the deadline of its thread."""

    def wait(
        self, gen: PQGen[RV], interval: float = _INTERVAL_SECONDS, timeout: float | None = None
    ) -> RV:
        """Wait for an answer. Raises SilenceError; the connection can't be used after that."""
        # Older ones have no timeout of their own.
        options = {} if timeout is None else {"timeout": timeout}
        return super().wait(_bounded(gen), interval, **options)


def connect(prepare_threshold: str | int = 5, **parameters: Any) -> Connection:
    """Connect to the first server that accepts the connection, in autocommit.

    Each server of a list gets an equal part of the time that those before it left.

    Args:
        prepare_threshold: psycopg's, or ``none``: no statement is prepared in the server.
        parameters: as libpq names them.

    Raises SilenceError if one of the servers did not answer and none took the connection, and
    psycopg.OperationalError if all of them refused.
    """
    parameters.pop("context", None)
    attempts = conninfo_attempts(conninfo_to_dict(**parameters))
    # Not the errors: their tracebacks would keep sockets open until the next garbage collection.
    failures: list[str] = []
    kind: type[Exception] = psycopg.OperationalError
    for left, attempt in zip(range(len(attempts), 0, -1), attempts, strict=True):
        try:
            with within(remaining() / left):
                connection = Connection(_started(make_conninfo("", **attempt)))
        except (psycopg.OperationalError, SilenceError) as error:
            failures.append(str(error))
            kind = SilenceError if isinstance(error, SilenceError) else kind
        else:
            connection.autocommit = True
            threshold = None if prepare_threshold == "none" else int(prepare_threshold)
            connection.prepare_threshold = threshold
            return connection
    raise kind("; ".join(failures))


def _started(conninfo: str) -> PGconn:
    started: PGconn = waiting.wait_conn(
        _bounded(generators.connect(conninfo)), interval=_INTERVAL_SECONDS
    )
    return started


def _bounded(generator: Generator[State, int, RV]) -> Generator[State, int, RV]:
    """Resume psycopg's generator until it ends or the deadline has passed."""
    try:
        state = next(generator)
        while True:
            state = generator.send((yield state))
            # Behind the driver's step: what has arrived is used.
            if remaining() <= 0:
                raise SilenceError("no answer before the deadline")
    except StopIteration as end:
        value: RV = end.value
        return value
    finally:
        generator.close()
