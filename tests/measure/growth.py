"""Measures whether the status of one user costs more in a bigger store, and shows the plans.

    python -m tests.measure.growth [--sizes 10000 10000000] [--reads 20000] [--rounds 5]

Reads of both sizes alternate in one run, each of a random user; a ratio is that of the medians of
the rounds. Ten million processes need 8 GB of disk for each database and some minutes to fill.
"""

import argparse
import random
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from sqlalchemy import Boolean, Column, NullPool, create_engine

from app.config import Settings
from app.factory import create_app
from app.host.actions import CHARGE_PROCESS, RESOURCES
from app.server import demo
from app.store.store import Store
from tests import postgres, truth

_NUMBERS = {
    "sqlite": (
        "WITH RECURSIVE series(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM series WHERE n < {})"
        " SELECT n FROM series"
    ),
    "postgresql": "SELECT generate_series(1, {}) AS n",
}


@dataclass
class Filled:
    """A store of a size, its reader, and the seconds of each round's read."""

    size: int
    store: Store
    status: Callable[[int], bytes]
    reads: list[float] = field(default_factory=list)
    statuses: list[float] = field(default_factory=list)


def fill(store: Store, size: int) -> None:
    """Put so many processes into an empty store, three of each user, by plain SQL."""
    store.prepare()
    table = store.tables[CHARGE_PROCESS]
    columns = table.columns
    members = zip([*columns][2:], demo.processes()[1][2:], strict=True)
    values = ", ".join(_literal(column, value) for column, value in members)
    database = store.url.get_backend_name()
    # A user's processes lie apart, as they come in over time.
    insert = (
        f"INSERT INTO {table.name} ({', '.join(columns.keys())})"
        f" SELECT 1 + n - n / {_users(size)} * {_users(size)}, n, {values}"
        f" FROM ({_NUMBERS[database].format(size)}) AS numbers"
    )
    engine = create_engine(store.url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(insert)
        connection.exec_driver_sql("ANALYZE" if database == "sqlite" else "VACUUM ANALYZE")


def _users(size: int) -> int:
    return max(1, size // 3)


def _literal(column: Column[Any], value: object) -> str:
    if value is None:
        return "NULL"
    if isinstance(column.type, Boolean):
        return str(bool(value)).upper()
    return "'" + str(value).replace("'", "''") + "'"


@contextmanager
def filled(database: str, size: int, folder: Path) -> Iterator[Filled]:
    """Give a store with so many processes, in a file or a server of its own."""
    with ExitStack() as stack:
        if database == "postgresql":
            url = stack.enter_context(postgres.server())
        else:
            url = f"sqlite:///{folder / f'{size}.sqlite'}"
        store = Store(url, RESOURCES)
        fill(store, size)
        app = create_app(Settings(database_url=url, log_requests=False))

        def status(user: int) -> bytes:
            return truth.call(app, f"/ChargeProcess/Status?user_id={user}").body

        yield Filled(size, store, status)
        store.close()
        app.store.close()


def measure(stores: list[Filled], reads: int, rounds: int) -> None:
    """Read random users of each store in turn; the first round only warms up."""
    for number in range(rounds + 1):
        for each in stores:
            users = [random.randint(1, _users(each.size)) for _ in range(reads)]
            read, status = (
                _seconds(partial(each.store.latest, CHARGE_PROCESS), users),
                _seconds(each.status, users),
            )
            if number:
                each.reads.append(read)
                each.statuses.append(status)


def _seconds(ask: Callable[[int], object], users: list[int]) -> float:
    started = time.perf_counter()
    for user in users:
        ask(user)
    return time.perf_counter() - started


def _report(database: str, stores: list[Filled], reads: int) -> None:
    least = stores[0]
    for each in stores:
        print(f"\n{database}, {each.size:,} processes:")
        for line in each.store.explain(CHARGE_PROCESS):
            print(f"    {line}")
        for what, mine, first in (
            ("the store's read", each.reads, least.reads),
            ("the whole status", each.statuses, least.statuses),
        ):
            ratio = median(mine) / median(first)
            print(f"  {what}: {1e6 * median(mine) / reads:.1f} us, ratio {ratio:.2f}")


def main() -> None:
    """Measure as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 10_000_000])
    parser.add_argument("--databases", nargs="+", default=["sqlite", "postgresql"])
    parser.add_argument("--reads", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    for database in given.databases:
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            stores = [stack.enter_context(filled(database, size, folder)) for size in given.sizes]
            measure(stores, given.reads, given.rounds)
            _report(database, stores, given.reads)


if __name__ == "__main__":
    main()
