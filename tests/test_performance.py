"""A guard against gross loss; README's "Performance" has the figures."""

import gc
import itertools
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from app.config import Settings
from app.factory import create_app
from tests import truth
from tests.measure import benchmark, constant, instructions

BUDGETS = {
    "instructions": {"application/json": 0.64, "application/xml": 0.70},
    "CPU time in process": {"application/json": 0.85, "application/xml": 0.85},
}
"""What a status may cost, as a multiple of the constant Flask view's cost in the same run."""
SLACK = 1.25
_CALLS = 400


def test_a_status_costs_less_than_a_constant_flask_view(tmp_path: Path) -> None:
    """Both formats stay within the budget: of instructions, or of CPU time without valgrind."""
    if instructions.available():
        measure, costs = "instructions", instructions.ratios()
    else:
        measure, costs = "CPU time in process", _cpu_ratios(tmp_path)
    over = {
        accept: cost for accept, cost in costs.items() if cost > BUDGETS[measure][accept] * SLACK
    }

    assert costs.keys() == BUDGETS[measure].keys()
    assert not over, measure


def _cpu_ratios(tmp_path: Path) -> dict[str, float]:
    """Return the ratio of the least CPU times of interleaved rounds, by Accept."""
    # What the log adds has a guard of its own, in tests/observe.
    url = f"sqlite:///{tmp_path / 'store.sqlite'}"
    app = create_app(Settings(database_url=url, log_requests=False))
    app.store.replace(benchmark.processes(1000))
    users = itertools.cycle(range(1, 1001))
    gc.collect()

    def ratio(accept: str) -> float:
        rounds = [
            (_cpu(constant.flask_app, accept, users), _cpu(app, accept, users)) for _ in range(12)
        ]
        return min(own for _, own in rounds) / min(base for base, _ in rounds)

    return {accept: min(ratio(accept) for _ in range(3)) for accept in benchmark.ACCEPTS}


def _cpu(app: Callable[..., Iterable[bytes]], accept: str, users: Iterable[int]) -> float:
    """Return the CPU seconds of some calls, without the making of their environments."""
    environs = [
        truth.environ(
            "GET", f"/ChargeProcess/Status?user_id={user}", [("Host", "a"), ("Accept", accept)]
        )
        for user in itertools.islice(users, _CALLS)
    ]

    def start_response(*_: Any) -> None:
        """Take status and headers."""

    started = time.process_time()
    for environ in environs:
        b"".join(app(environ, start_response))
    return time.process_time() - started


def test_the_first_answer_comes_within_a_second(
    database_url: str, clean_env: dict[str, str], tmp_path: Path
) -> None:
    """From the command to the first answer, the best of three starts."""
    spent = []
    for _ in range(3):
        port = truth.free_port()
        env = {**clean_env, "CHARGECLOUD_DATABASE_URL": database_url}
        command = [sys.executable, "-m", "app", "serve"]
        started = time.monotonic()
        with truth.running([*command, "--bind", f"127.0.0.1:{port}"], port, env, tmp_path):
            answer = truth.Client(port).ask(
                "GET", "/ChargeProcess/Status?user_id=1", [("Host", "a"), ("Connection", "close")]
            )
            spent.append(time.monotonic() - started)
        assert answer.status == 200

    assert min(spent) < 1, spent


def test_the_benchmark_prints_its_table() -> None:
    """The command of README measures every server in both formats."""
    printed = benchmark.table(benchmark.run(seconds=1, rounds=1, users=50))

    assert [line.split(" | ")[0] for line in printed.splitlines()[2:]] == [
        f"| {name}" for _ in benchmark.ACCEPTS for name in benchmark.SERVERS
    ]
