"""A run ends with its report, whatever happens to it."""

import json
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from app.host.application import WebApi
from tests import truth
from tests.parity.conftest import Kit
from tests.parity.hostile import (
    OK,
    Talk,
    repeats,
    sends,
    sends_and_closes,
    talking,
    whole,
)
from tests.parity.services import serving

_COMMAND = [sys.executable, "-m", "app"]

Start = Callable[..., "subprocess.Popen[bytes]"]


@pytest.fixture
def start(clean_env: dict[str, str], tmp_path: Path) -> Start:
    """Start the command in an empty folder."""

    def command(*arguments: str | Path, **env: str) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(
            [*_COMMAND, *map(str, arguments)],
            cwd=tmp_path,
            env={**clean_env, **env},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    return command


def _ends(process: "subprocess.Popen[bytes]") -> tuple[int, str, str]:
    """Return the exit code and what was said; never a traceback."""
    out, err = process.communicate(timeout=60)

    assert b"Traceback" not in err
    return process.returncode, out.decode("latin-1"), err.decode("latin-1")


def _report(tmp_path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    return found


_COMPARE = ("--users", "1-5", "--json", "report.json")
_LEGACY = sends(whole(b'{"a":1}'))


@pytest.mark.parametrize(
    ("talk", "options", "named", "code"),
    [
        (sends(whole(b"xx" * 999)), ["--max-body", "1000"], "too large", 1),
        (sends_and_closes(OK, b"Content-Length: 9\r\n\r\nhi"), [], "cut short", 1),
        (sends(whole(b'{"a":1}') + b"!"), [], "longer than its length", 1),
        (
            repeats(OK + b"Content-Length: 999\r\n\r\n", b"x", 0.05),
            ["--timeout", "1", "--limit", "2"],
            "not whole in time",
            1,
        ),
        (sends(b"\x1b[31mSSH-2.0\r\n\r\n"), [], "not HTTP", 1),
    ],
)
def test_a_broken_service_is_a_finding(
    kit: Kit, tmp_path: Path, talk: Talk, options: list[str], named: str, code: int
) -> None:
    """One, however many answers are broken; the report shows it."""
    with talking(_LEGACY) as legacy, talking(talk) as new:
        ended = kit("compare", legacy, new, *_COMPARE, *options)

    (finding,) = _report(tmp_path)["findings"]
    assert (finding["kind"], finding["cause"]) == ("broken answer", named)
    assert f"broken answer, answer ({finding['answers']} answers): " in ended.out
    assert "\x1b" not in ended.out
    assert ended.code == code


def test_a_broken_legacy_service_is_nothing_to_compare_with(kit: Kit, tmp_path: Path) -> None:
    """Its answers are counted as none, with the reason, and the run fails."""
    with talking(sends_and_closes(OK, b"Content-Length: 9\r\n\r\nhi")) as url:
        ended = kit("compare", url, url, *_COMPARE)

    assert f"not answered: 10 {url}: cut short: " in ended.out
    assert ended.code == 3


def test_a_service_that_hangs_stops_the_run(kit: Kit, tmp_path: Path) -> None:
    """After as many as may fail, not after the timeout of each."""
    with talking(_LEGACY) as legacy, talking(sends(b"")) as new:
        options = ["--users", "1-1000", "--failures", "2", "--timeout", "1.5", "--concurrency", "1"]
        ended = kit("compare", legacy, new, *options, "--json", "report.json")

    assert "stopped after 2 failures, the last: no answer in time" in ended.out
    assert _report(tmp_path)["findings"][0]["cause"] == "no answer in time"
    assert ended.code == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_a_run_with_its_report(start: Start, tmp_path: Path, number: int) -> None:
    """At once, though a service hangs."""
    asked = threading.Event()

    def talk(client: socket.socket) -> None:
        asked.set()

    with talking(_LEGACY) as legacy, talking(talk) as new:
        process = start("compare", legacy, new, *_COMPARE, "--timeout", "3600")
        assert asked.wait(30)
        process.send_signal(number)
        ended, said, _ = _ends(process)

    assert "FAILED: interrupted" in said
    assert "interrupted" in _report(tmp_path)["problems"]
    assert ended == 3


def test_a_closed_pipe_loses_no_report(start: Start, tmp_path: Path) -> None:
    """The exit code says what came of the run."""
    with talking(_LEGACY) as legacy, talking(sends(whole(b'{"a":2}'))) as new:
        process = start("compare", legacy, new, *_COMPARE)
        assert process.stdout is not None
        process.stdout.close()
        process.wait(60)
        assert process.stderr is not None
        said = process.stderr.read()
        process.stderr.close()

    assert len(_report(tmp_path)["findings"]) == 1
    assert process.returncode == 1
    assert said == b""


def test_what_a_service_says_can_be_written_anywhere(start: Start, tmp_path: Path) -> None:
    """Escapes for terminals, half characters and letters that the output has not."""
    hostile = '{"\\ud800\\u001b[2J\\u202e\u00fc":"\u009b31m\u044f"}'.encode()
    with talking(_LEGACY) as legacy, talking(sends(whole(hostile))) as new:
        options = ["--users", "1", "--json", "report.json", "--junit", "junit", "--html", "html"]
        process = start("compare", legacy, new, *options, PYTHONIOENCODING="cp1252")
        ended, said, _ = _ends(process)

    assert "extra member, \\ud800\\x1b[2J\\u202e\xfc (2 answers)" in said
    assert 'became "\\x9b31m\\u044f"' in said
    places = [finding["places"] for finding in _report(tmp_path)["findings"]]
    assert {"\ud800\x1b[2J\u202e\xfc": 2} in places
    assert etree.parse(tmp_path / "junit").xpath("count(testcase/failure)") >= 2
    assert "\x1b" not in (tmp_path / "html").read_text(encoding="utf-8")
    assert "\x1b" not in said
    assert ended == 1


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--json", "none/report.json"], "none/report.json: can't be written: No such file"),
        (["--html", "a", "--junit", "a"], "a is given twice"),
        (["--json", "log"], "log is given twice"),
    ],
)
def test_outputs_are_tried_before_anything_is_asked(
    kit: Kit, tmp_path: Path, options: list[str], said: str
) -> None:
    """A run of hours does not end without its report."""
    (tmp_path / "log").write_text("/ChargeProcess/Status?user_id=1\n", encoding="utf-8")
    asked: list[int] = []

    def talk(client: socket.socket) -> None:
        asked.append(1)
        _LEGACY(client)

    with talking(talk) as url:
        ended = kit("compare", url, url, "--log", "log", *options)

    assert said in ended.err
    assert (ended.code, asked) == (2, [])
    assert [path.name for path in tmp_path.iterdir()] == ["log"]


def test_a_report_that_cant_be_written_fails_the_run(
    kit: Kit, make_app: Callable[..., WebApi], tmp_path: Path
) -> None:
    """Though nothing differed; the others are written."""
    with serving(make_app(log_requests=False)) as url:
        ended = kit("compare", url, url, *_COMPARE, "--junit", "/dev/full", "--users", "1")

    assert "/dev/full: No space left on device" in ended.err
    assert _report(tmp_path)["findings"] == []
    assert ended.code == 3


def test_an_input_that_turns_out_wrong_ends_with_a_report(kit: Kit, tmp_path: Path) -> None:
    """What was compared until then is not lost."""
    lines = (truth.RECORDINGS / "recordings.jsonl").read_bytes().splitlines(keepends=True)
    (tmp_path / "bad.jsonl").write_bytes(b"".join(lines[:100]) + b"what?\n")
    with talking(_LEGACY) as url:
        ended = kit("replay", "bad.jsonl", url, "--json", "report.json", "--concurrency", "1")

    assert "bad.jsonl:101: is not a recording" in ended.err
    assert _report(tmp_path)["findings"]
    assert any("bad.jsonl:101" in str(problem) for problem in _report(tmp_path)["problems"])
    assert ended.code == 2


def test_recording_is_gentle_with_a_service_elsewhere(kit: Kit) -> None:
    """Ten requests a second; one on this machine has no limit."""
    asked: list[float] = []

    def talk(client: socket.socket) -> None:
        asked.append(time.monotonic())
        _LEGACY(client)

    with talking(talk) as url:
        # Linux takes this address for its own, and it is none of the loopback.
        elsewhere = url.replace("127.0.0.1", "0.0.0.0")
        assert kit("record", elsewhere, "--users", "1-4").code == 0

    assert len(asked) == 8
    assert asked[-1] - asked[0] > 0.6


def test_recording_stops_beyond_a_budget_of_errors(kit: Kit, tmp_path: Path) -> None:
    """It doesn't go on hammering a service that breaks."""
    error = b"HTTP/1.1 500 Error\r\nContent-Length: 0\r\n\r\n"
    with talking(sends(error)) as url:
        options = ["--users", "1-100", "--errors", "3", "--concurrency", "1"]
        ended = kit("record", url, *options)

    assert "stopped: 4 answers were 5xx, and --errors allows 3" in ended.err
    assert "4 recorded (4 x 500)" in ended.out
    assert len((tmp_path / "recordings.jsonl").read_bytes().splitlines()) == 4
    assert ended.code == 3


def test_a_broken_answer_is_not_recorded(kit: Kit, tmp_path: Path) -> None:
    """A later replay would take it for the truth."""
    with talking(sends_and_closes(OK, b"Content-Length: 9\r\n\r\nhi")) as url:
        ended = kit("record", url, "--users", "1")

    assert "cut short" in ended.err
    assert (tmp_path / "recordings.jsonl").read_bytes() == b""
    assert ended.code == 3


@pytest.mark.skipif(sys.platform == "win32", reason="no shell there limits a file's size")
def test_a_full_disk_stops_a_recording_and_is_named(
    kit: Kit, clean_env: dict[str, str], make_app: Callable[..., WebApi], tmp_path: Path
) -> None:
    """What was recorded is kept, and goes on when there is room."""
    with serving(make_app(log_requests=False)) as url:
        record = ["record", url, "--users", "1000-1010"]
        ended = subprocess.run(
            ["sh", "-c", 'ulimit -f 4; exec "$0" "$@"', *_COMMAND, *record],
            cwd=tmp_path,
            env=clean_env,
            capture_output=True,
            text=True,
            timeout=60,
        )
        resumed = kit(*record, "--resume")

    assert ended.stderr == "stopped: recordings.jsonl: File too large\n"
    assert ended.returncode == 3
    assert "22 in all" in resumed.out


@pytest.mark.parametrize("line", ["[" * 100_000, '{"a": ' * 100_000, "Infinity"])
def test_an_absurd_recording_is_refused_in_one_line(kit: Kit, tmp_path: Path, line: str) -> None:
    """However deep it is nested, and whatever its numbers are."""
    first = (truth.RECORDINGS / "recordings.jsonl").read_text(encoding="utf-8").splitlines()[0]
    absurd = first.replace('"id": 0', '"id": Infinity') if line == "Infinity" else line
    (tmp_path / "bad.jsonl").write_text(f"{absurd}\n", encoding="utf-8")
    with talking(_LEGACY) as url:
        replayed = kit("replay", "bad.jsonl", url)
        resumed = kit("record", url, "--users", "1", "--output", "bad.jsonl", "--resume")

    for ended in (replayed, resumed):
        assert "bad.jsonl:1: is not a recording: " in ended.err
        assert ended.err.count("\n") == 1
        assert ended.code == 2
