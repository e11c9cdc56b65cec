"""Fuzzes the whole WSGI call and the parsers below it, from the recorded requests.

python -m tests.measure.fuzz [--cases 1000000] [--seed 0]
"""

import argparse
import io
import random
import tempfile
from collections import Counter
from collections.abc import Callable
from urllib.parse import unquote

from app.config import Settings
from app.factory import create_app
from app.host.actions import CHARGE_PROCESS
from app.store.transfer import records
from app.store.transfer.record_error import RecordError
from app.webapi.headers import parse_accept, parse_accept_charset, parse_content_type
from app.webapi.negotiation import negotiate
from app.webapi.uri import RequestUri
from tests import truth

_PIECES = (
    *",;=/*\"\\%?#&+ \t\x00\x7f\x85\xa0\xff[]{}()<>'",
    "q=", "q=1", "*/*", "text/xml", "user_id=", "USER_ID[]=", "%00", "%c3%28", "%u0031", "%2e%2e",
    "0x", "2147483648", "-", "http://", "//", "@", "://", "charset=utf-16", ";q=0.5,", "A" * 200,
)  # fmt: skip


def mutated(rng: random.Random, text: str) -> str:
    """Return a text with some pieces put in, left out, doubled or changed."""
    for _ in range(rng.randrange(5)):
        at, to = sorted(rng.randrange(len(text) + 1) for _ in "ab")
        kind = rng.randrange(4)
        if kind == 0:
            text = text[:at] + rng.choice(_PIECES) + text[at:]
        elif kind == 1:
            text = text[:at] + text[min(to, at + 8) :]
        elif kind == 2:
            text = text[:to] + text[at : at + 8] + text[to:]
        else:
            text = text[:at] + chr(rng.randrange(256)) + text[at + 1 :]
    return text


class Fuzzer:
    """Makes cases and runs them; an exception, or a 5xx that is not Web API's, is a finding."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.statuses: Counter[int] = Counter()
        self._recorded = [item for item in truth.recordings() if not item.breaks_store]
        self._lines = truth.PROCESSES.read_text(encoding="utf-8").splitlines()[:200]
        self._xml = [i.answer.body for i in self._recorded if i.answer.body.startswith(b"<Charge")]
        self._folder = tempfile.TemporaryDirectory()
        settings = Settings(
            database_url=f"sqlite:///{self._folder.name}/fuzz.sqlite",
            log_requests=False,
            error_detail="always",
        )
        self._app = create_app(settings)
        self._kinds: list[Callable[[], None]] = [self.wsgi, self.wsgi, self.rules, self.imports]

    def run(self, cases: int) -> None:
        """Run so many cases."""
        for _ in range(cases):
            self.rng.choice(self._kinds)()

    def close(self) -> None:
        """Remove the store."""
        self._app.store.close()
        self._folder.cleanup()

    def wsgi(self) -> None:
        """Send a damaged request."""
        item = self.rng.choice(self._recorded)
        headers = [(name, mutated(self.rng, value)) for name, value in item.headers]
        target = mutated(self.rng, item.target.encode().decode("latin-1")) or "/"
        answer = truth.call(self._app, target, headers, mutated(self.rng, item.method) or "GET")
        self.statuses[answer.status] += 1
        # Web API answers 500 to a query whose name has an unclosed bracket.
        if answer.status >= 500 and "[" not in unquote(target.partition("?")[2]):
            raise AssertionError((answer, item.method, target, headers))

    def rules(self) -> None:
        """Call the rules below with damaged headers and targets."""
        values = [value for _, value in self.rng.choice(self._recorded).headers]
        text = mutated(self.rng, self.rng.choice(values))
        for parse in (parse_accept, parse_accept_charset, parse_content_type):
            parse(text)
        negotiate(text, text, text, text)
        str(RequestUri("http", text, mutated(self.rng, "/a/b?c=d%20e")))

    def imports(self) -> None:
        """Read a damaged import file: it is taken, or refused with a reason."""
        data = (
            self.rng.choice(self._lines).encode()
            if self.rng.random() < 0.5
            else self.rng.choice(self._xml)
        )
        damaged = mutated(self.rng, data.decode("latin-1")).encode("latin-1")
        try:
            list(records.read(io.BufferedReader(io.BytesIO(damaged)), "fuzz", CHARGE_PROCESS, 1))
        except RecordError:
            self.statuses[0] += 1


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    fuzzer = Fuzzer(arguments.seed)
    fuzzer.run(arguments.cases)
    print(f"{arguments.cases} cases; answers by status, 0 for a refused import: {fuzzer.statuses}")
    fuzzer.close()


if __name__ == "__main__":
    main()
