"""A guard against gross loss; README's "Performance" has the figures."""

import sys
from pathlib import Path

from tests import truth
from tests.measure import benchmark, instructions

BUDGETS = {"application/json": 1.09, "application/xml": 1.12}
"""What a status may cost in instructions, as a multiple of the constant Flask view's cost."""
SLACK = 1.25


def test_a_status_costs_less_than_a_constant_flask_view() -> None:
    """Both formats stay within the budget."""
    costs = instructions.ratios()
    over = {accept: cost for accept, cost in costs.items() if cost > BUDGETS[accept] * SLACK}

    assert costs.keys() == BUDGETS.keys()
    assert over == {}


def test_the_first_answer_costs_less_than_a_second(
    database_url: str, clean_env: dict[str, str], tmp_path: Path
) -> None:
    """From the command to the first answer, in CPU time: a busy machine only takes longer."""
    port = truth.free_port()
    env = {**clean_env, "CHARGECLOUD_DATABASE_URL": database_url}
    command = [sys.executable, "-m", "app", "serve", "--bind", f"127.0.0.1:{port}"]

    with truth.running(command, port, env, tmp_path) as server:
        answer = truth.Client(port).ask(
            "GET", "/ChargeProcess/Status?user_id=1", [("Host", "a"), ("Connection", "close")]
        )
        spent = benchmark.cpu_seconds(server.pid)

    assert answer.status == 200
    assert spent < 1


def test_the_benchmark_prints_its_table() -> None:
    """The command of README measures every server in both formats."""
    printed = benchmark.table(benchmark.run(seconds=1, rounds=1, users=50))

    assert [line.split(" | ")[0] for line in printed.splitlines()[2:]] == [
        f"| {name}" for _ in benchmark.ACCEPTS for name in benchmark.SERVERS
    ]
