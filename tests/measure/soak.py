"""Many mixed requests over many connections, with resets and slow clients among them.

python -m tests.measure.soak --port 8000 [--requests 1000000] [--connections 64] [--pid MASTER]
"""

import argparse
import random
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests import truth

_ACCEPTS = ("application/json", "text/xml", "*/*;q=0.1", "a/b;;", "text/*;q=x", "\xff", "," * 500)
_TARGETS = (
    "/ChargeProcess/Status?user_id={0}",
    "/chargeprocess/STATUS/?USER_ID=%2b{0}",
    "/ChargeProcess/Status?user_id=x{0}",
    "/ChargeProcess/Status?user_id=99999999999{0}",
    "/ChargeProcess/Status?{0}",
    "/no/{0}",
    "/../%2e%2e/%00%ff{0}?<script>&user_id=';drop table x",
    "/%" * 300 + "{0}",
)
_METHODS = ("GET",) * 8 + ("POST", "HEAD", "FOO")
_VALID = b"GET /ChargeProcess/Status?user_id=1 HTTP/1.1\r\nHost: legacy.example\r\n\r\n"
# On close(), the kernel sends a reset instead of the end of the stream.
_RESET = struct.pack("ii", 1, 0)


@dataclass
class Outcome:
    """What became of the requests."""

    statuses: Counter[int] = field(default_factory=Counter)
    lost: int = 0
    refused: int = 0
    seconds: float = 0.0


def request(rng: random.Random) -> tuple[str, str, truth.Headers]:
    """Make a valid, an invalid or a hostile request."""
    target = rng.choice(_TARGETS).format(rng.randrange(1, 3000))
    headers = [("Host", "legacy.example"), ("Accept", rng.choice(_ACCEPTS))]
    if rng.random() < 0.1:
        headers.append(("X-Request-ID", "x" * rng.randrange(200)))
    return rng.choice(_METHODS), target, headers


def valid(rng: random.Random) -> tuple[str, str, truth.Headers]:
    """Make a valid request."""
    return "GET", _TARGETS[0].format(rng.randrange(1, 3000)), [("Host", "legacy.example")]


def run(
    port: int,
    connections: int,
    more: Callable[[], bool],
    make: Callable[[random.Random], tuple[str, str, truth.Headers]] = request,
) -> Outcome:
    """Ask over so many connections while ``more`` says so.

    A request is lost if its connection breaks without an answer, and refused if none was made.
    """
    outcome, lock = Outcome(), threading.Lock()

    def client(seed: int) -> None:
        rng, asker, own = random.Random(seed), truth.Client(port), Outcome()
        while more():
            try:
                own.statuses[asker.ask(*make(rng)).status] += 1
            except ConnectionRefusedError:
                own.refused += 1
                time.sleep(0.02)
            except (OSError, IndexError, ValueError):
                own.lost += 1
                asker.close()
        asker.close()
        with lock:
            outcome.statuses.update(own.statuses)
            outcome.lost += own.lost
            outcome.refused += own.refused

    started = time.monotonic()
    threads = [threading.Thread(target=client, args=(seed,)) for seed in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    outcome.seconds = time.monotonic() - started
    return outcome


@dataclass
class Disturbances:
    """What was sent beside the requests."""

    resets: int = 0
    slow: int = 0
    failed: int = 0
    """Slow requests that were not answered with 200."""


@contextmanager
def disturbing(port: int) -> Iterator[Disturbances]:
    """Reset connections in every state, and send requests by pieces, while the block runs."""
    done, ended = Disturbances(), threading.Event()
    actions = (_reset_connections, _send_slowly)
    threads = [threading.Thread(target=each, args=(port, ended, done)) for each in actions]
    for thread in threads:
        thread.start()
    try:
        yield done
    finally:
        ended.set()
        for thread in threads:
            thread.join()


def _reset_connections(port: int, ended: threading.Event, done: Disturbances) -> None:
    """Reset connections that sent nothing, a part, a whole, or several requests."""
    rng = random.Random(0)
    while not ended.wait(0.005):
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 30) as connection:
            connection.sendall((_VALID * 3)[: rng.randrange(3 * len(_VALID))])
            ended.wait(rng.random() * 0.01)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            done.resets += 1


def _send_slowly(port: int, ended: threading.Event, done: Disturbances) -> None:
    """Send valid requests by pieces, one after the other."""
    while not ended.is_set():
        done.slow += 1
        try:
            done.failed += not _is_answered_slowly(port)
        except OSError:
            done.failed += 1


def _is_answered_slowly(port: int) -> bool:
    with socket.create_connection(("127.0.0.1", port), 30) as connection:
        for start in range(0, len(_VALID), 10):
            connection.sendall(_VALID[start : start + 10])
            time.sleep(0.05)
        head = connection.recv(16)
        time.sleep(0.05)
    return head.startswith(b"HTTP/1.1 200")


def counted(number: int) -> Callable[[], bool]:
    """Return a function that says yes so many times, over all threads."""
    left = iter(range(number))
    return lambda: next(left, None) is not None


def resources(pid: int) -> tuple[int, int]:
    """Return the private memory in KiB and the open descriptors of a server's workers."""
    memory = descriptors = 0
    for worker in truth.children(pid):
        with suppress(OSError):
            text = Path(f"/proc/{worker}/smaps_rollup").read_text()
            memory += sum(int(x.split()[1]) for x in text.splitlines() if x.startswith("Private_"))
            descriptors += len(list(Path(f"/proc/{worker}/fd").iterdir()))
    return memory, descriptors


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--requests", type=int, default=1_000_000)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--pid", type=int)
    arguments = parser.parse_args()
    run(arguments.port, arguments.connections, counted(20_000))
    before = resources(arguments.pid) if arguments.pid else None
    with disturbing(arguments.port) as disturbances:
        outcome = run(arguments.port, arguments.connections, counted(arguments.requests))
    print(outcome)
    print(disturbances)
    if before:
        print("KiB and descriptors, before and after:", before, resources(arguments.pid))


if __name__ == "__main__":
    main()
