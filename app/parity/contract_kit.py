"""The process that the contract tests start: it compares a service with recordings, one at a time.

``python -m app.parity.contract_kit OPTIONS`` takes a JSON object and speaks JSON lines. It first
writes all recordings, or why there are none. Then it reads the number of a recording from each
line of standard input, sends the request, and writes how the answer differs.
"""

import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from app.parity import recording
from app.parity.client import Limits, NoAnswerError, Service
from app.parity.curl import curl
from app.parity.difference import Difference
from app.parity.outcome import Outcome, Replay
from app.parity.recording import Recording
from app.parity.report import window

RECORDINGS = Path(__file__).parent / "recordings" / "recordings.jsonl"
"""1,801 answers of a real Web API; ``processes.jsonl``, next to it, is what its store held."""
_LOST = 3
"""After so many requests in a row without an answer, the run is over."""


def run(options: Mapping[str, Any], numbers: Iterable[str]) -> Iterator[dict[str, Any]]:
    """Yield the recordings, then the verdict on each of ``numbers``."""
    try:
        service = Service(options["url"], limits=Limits(timeout=options["timeout"]))
        recordings = _recordings(options["recordings"])
    except (ValueError, recording.RecordingError) as error:
        yield {"usage": f"--contract-url and --contract-recordings: {error}"}
        return
    with service:
        problem = _unreachable(service, recordings)
        if problem is not None:
            yield {"usage": f"--contract-url: {problem}"}
            return
        yield {"recordings": [_listed(item, options["error_detail"]) for item in recordings]}
        replay = Replay(service)
        silent = 0
        for number in numbers:
            difference, answered = _compared(replay, recordings[int(number)], service)
            silent = 0 if answered else silent + 1
            yield {"difference": difference, "lost": silent >= _LOST}


def _recordings(file: str | None) -> list[Recording]:
    path = RECORDINGS if file is None else Path(file)
    if not path.is_file():
        raise recording.RecordingError(f"there is no file {path}")
    return list(recording.read(path))


def _unreachable(service: Service, recordings: list[Recording]) -> str | None:
    """Say why the service doesn't answer the first recording, ``None`` if it answers anything."""
    try:
        service.ask_whole(recordings[0].request)
    except IndexError:
        return "there are no recordings"
    except NoAnswerError as error:
        return str(error)
    return None


def _compared(replay: Replay, item: Recording, service: Service) -> tuple[str | None, bool]:
    """Return how the answer differs, and whether there was one."""
    try:
        outcome = replay(item)
    except NoAnswerError as error:
        return str(error), False
    fault = outcome.found.fault
    if fault is not None and fault.is_failure:
        return f"{service}: {fault}", False
    return _explained(outcome, service), True


def _listed(item: Recording, error_detail: bool) -> dict[str, Any]:
    name = f"{item.id} {item.request.method} {item.request.target}"
    return {"name": name, "unfit": item.unfit(error_detail)}


def _explained(outcome: Outcome, service: Service) -> str | None:
    different = [*outcome.differences, *outcome.flaky]
    if not different:
        return None
    shown = map(_shown, different)
    return "\n".join([*shown, curl(outcome.request, str(service))])


def _shown(difference: Difference) -> str:
    old, new = window(difference.expected, difference.found)
    return f"{difference.kind} at {difference.where}: expected {old}, found {new}"


def main() -> None:
    """Run as the plugin's process."""
    for line in run(json.loads(sys.argv[1]), sys.stdin):
        print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
