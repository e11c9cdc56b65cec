"""The kit's commands, as a user runs them."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from lxml import etree

from app.host.application import WebApi
from app.parity.recording import Answer, Recording, read
from tests import packages, terminal, truth
from tests.parity.mutants import MUTANTS
from tests.parity.services import Changed, serving

_ROOT = Path(__file__).parent.parent.parent
_RECORDED = truth.RECORDINGS / "recordings.jsonl"
_COMMAND = [sys.executable, "-m", "app"]
_NOWHERE = "http://127.0.0.1:9"

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def run(clean_env: dict[str, str], tmp_path: Path) -> Run:
    """Run the command in an empty folder."""

    def command(*arguments: str | Path) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [*_COMMAND, *map(str, arguments)],
            cwd=tmp_path,
            env=clean_env,
            capture_output=True,
            text=True,
            timeout=100,
        )

    return command


@contextmanager
def _gunicorn(env: dict[str, str], database_url: str, **settings: str) -> Iterator[str]:
    """Run the real service on the recorded processes."""
    port = truth.free_port()
    env = {**env, "CHARGECLOUD_DATABASE_URL": database_url, "CHARGECLOUD_LOG_REQUESTS": "off"}
    env |= {f"CHARGECLOUD_{name}": text for name, text in settings.items()}
    with truth.running([*_COMMAND, "serve", "--bind", f"127.0.0.1:{port}"], port, env):
        yield f"http://127.0.0.1:{port}"


@pytest.fixture(scope="module")
def url(database_url: str) -> Iterator[str]:
    """The service."""
    env = {name: text for name, text in os.environ.items() if not name.startswith("CHARGECLOUD_")}
    with _gunicorn({**env, "PYTHONPATH": str(_ROOT)}, database_url) as found:
        yield found


@pytest.fixture
def some(tmp_path: Path) -> Path:
    """The first recordings, of values and negotiation."""
    path = tmp_path / "some.jsonl"
    lines = _RECORDED.read_text(encoding="utf-8").splitlines(keepends=True)
    path.write_text("".join(lines[:120]), encoding="utf-8")
    return path


@pytest.fixture
def mutant(make_app: Callable[..., WebApi]) -> Iterator[str]:
    """The service, with 11 for 11.0."""
    with serving(Changed(make_app(log_requests=False), MUTANTS["11 for 11.0"][0])) as found:
        yield found


def test_the_recordings_are_replayed(run: Run, url: str) -> None:
    """The verdict says how many were compared and skipped, and why."""
    done = run("replay", _RECORDED, url)

    assert done.stdout.splitlines()[:2] == [
        "skipped: 361 recorded with error details",
        "skipped: 89 recorded while the service failed",
    ]
    assert done.stdout.splitlines()[-1] == "1,351 compared, 1,351 same, 0 different, 450 skipped"
    assert done.returncode == 0


def test_recordings_with_details_are_replayed(
    run: Run, clean_env: dict[str, str], database_url: str
) -> None:
    """Against a service that shows them."""
    with _gunicorn(clean_env, database_url, ERROR_DETAIL="always") as url:
        done = run("replay", _RECORDED, url, "--error-detail")

    assert "0 different" in done.stdout
    assert "recorded without error details" in done.stdout
    assert done.returncode == 0


def test_a_difference_is_one_finding(run: Run, mutant: str, some: Path, tmp_path: Path) -> None:
    """In every report, however often it occurs."""
    reports = [f"--{kind}={tmp_path / kind}" for kind in ("json", "junit", "html")]

    done = run("replay", some, mutant, *reports)

    found = json.loads((tmp_path / "json").read_text(encoding="utf-8"))
    junit = etree.parse(tmp_path / "junit").getroot()
    page = (tmp_path / "html").read_text(encoding="utf-8")
    assert done.returncode == found["exit_code"] == 1
    assert [finding["kind"] for finding in found["findings"]] == ["number scale"]
    assert found["findings"][0]["answers"] == found["results"]["different"] > 25
    assert found["compared"] == 120
    assert "curl -si -g --path-as-is -H 'Host: " in found["findings"][0]["examples"][0]["curl"]
    assert junit.get("failures") == "1"
    assert junit.xpath("count(testcase/failure)") == 1
    assert page.count('<details class="finding"') == 1
    assert "11<mark>.0</mark>" in page
    assert "http://" not in page.replace("http://127.0.0.1", "")
    assert " answers): 11.0 became 11\n" in done.stdout


def test_a_curl_of_a_report_asks_the_same(
    run: Run, mutant: str, some: Path, tmp_path: Path
) -> None:
    """Byte for byte, so that a reader sees the difference for themselves."""
    packages.program("curl")
    run("replay", some, mutant, f"--json={tmp_path / 'json'}")
    found = json.loads((tmp_path / "json").read_text(encoding="utf-8"))
    example = found["findings"][0]["examples"][0]

    done = subprocess.run(["sh", "-c", example["curl"]], capture_output=True, text=True)

    assert f'"{example["where"]}":{example["found"]}' in done.stdout


def test_a_recording_is_made_and_replayed(run: Run, url: str, mutant: str, tmp_path: Path) -> None:
    """What one service said is what the next one is held to."""
    made = run("record", url, "--users", "1,1000-1003", "--matrix")

    assert made.returncode == 0
    assert run("replay", tmp_path / "recordings.jsonl", url).returncode == 0
    assert run("replay", tmp_path / "recordings.jsonl", mutant).returncode == 1


def test_a_recording_has_the_recordings_format(run: Run, url: str, tmp_path: Path) -> None:
    """Member for member; a token that was sent is not in it."""
    run("record", url, "--users", "1", "--header", "X-API-Key: secret")

    (text, _) = (tmp_path / "recordings.jsonl").read_text(encoding="utf-8").splitlines()
    first = json.loads(text)
    headers = dict(first["response"].pop("headers"))
    assert first == {
        "id": 0,
        "tag": "json",
        "error_detail": False,
        "request": {
            "method": "GET",
            "target": "/ChargeProcess/Status?user_id=1",
            "headers": [["Host", url.removeprefix("http://")], ["Accept", "application/json"]],
        },
        "response": {
            "status": 200,
            "body": next(read(_RECORDED)).answer.body.decode(),
            "version": "1.1",
        },
        "all_headers": True,
    }
    assert headers.keys() >= {"Content-Type", "Content-Length", "Cache-Control", "Date", "Server"}
    assert headers["Content-Type"] == "application/json; charset=utf-8"
    assert "secret" not in text


def test_an_interrupted_recording_is_resumed(run: Run, url: str, tmp_path: Path) -> None:
    """The request of a line that was cut off is sent again; none is sent twice or lost."""
    whole, part = tmp_path / "whole.jsonl", tmp_path / "part.jsonl"
    run("record", url, "--users", "1-3", "--matrix", "--output", whole)
    lines = whole.read_bytes().splitlines(keepends=True)
    part.write_bytes(b"".join(lines[:20]) + lines[20][:50])

    refused = run("record", url, "--users", "1-3", "--matrix", "--output", part)
    resumed = run("record", url, "--users", "1-3", "--matrix", "--output", part, "--resume")

    masked = ["--mask", "price", "--output", part, "--resume"]
    other = run("record", url, "--users", "1-3", "--matrix", *masked)

    assert "was made with no --mask: --resume needs the same" in other.stderr
    assert other.returncode == 2
    assert "is there already: give --resume" in refused.stderr
    assert refused.returncode == 2
    assert resumed.returncode == 0
    assert [_answered(item) for item in read(part)] == [_answered(item) for item in read(whole)]


def _answered(item: Recording) -> tuple[object, ...]:
    """Return a recording without the headers that differ each time."""
    return item.id, item.tag, item.request, item.answer.status, item.answer.body


def test_ctrl_c_keeps_what_was_recorded(
    url: str, clean_env: dict[str, str], tmp_path: Path
) -> None:
    """Each answer is in the file as soon as it came."""
    options = ["--users", "1-1000", "--rate", "200", "--output", str(tmp_path / "part.jsonl")]
    command = [*_COMMAND, "record", url, *options]
    with subprocess.Popen(command, env=clean_env, stderr=subprocess.PIPE, text=True) as process:
        truth.until(lambda: len(_lines(tmp_path / "part.jsonl")) > 5)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=30)

    assert len(list(read(tmp_path / "part.jsonl"))) > 5
    assert process.returncode == 130
    assert "Traceback" not in said


def _lines(path: Path) -> list[bytes]:
    return path.read_bytes().splitlines() if path.exists() else []


def test_members_are_masked_before_they_are_written(run: Run, url: str, tmp_path: Path) -> None:
    """A masked recording is replayed by the same tokens, and another key is another service."""
    key = tmp_path / "key"
    key.write_text("between us", encoding="utf-8")
    run("record", url, "--users", "1", "--mask", "station_name", "--mask-key", key)

    same = run("replay", "recordings.jsonl", url, "--mask-key", key)
    other = run("replay", "recordings.jsonl", url)

    written = (tmp_path / "recordings.jsonl").read_text(encoding="utf-8")
    assert "sample string 5" not in written
    assert "sample string 6" in written
    assert same.returncode == 0
    assert other.returncode == 1


def test_members_are_masked_in_reports(
    run: Run, make_app: Callable[..., WebApi], some: Path, tmp_path: Path
) -> None:
    """The difference is named, its values are tokens."""
    report = tmp_path / "report.json"
    with serving(Changed(make_app(log_requests=False), MUTANTS["another price"][0])) as url:
        run("replay", some, url, "--mask", "price", "--json", report)

    (finding,) = (
        found
        for found in json.loads(report.read_text(encoding="utf-8"))["findings"]
        if found["cause"] == "price"
    )
    assert finding["kind"] == "other value"
    assert finding["examples"][0]["expected"] != "19.0"
    assert finding["examples"][0]["found"] != "20.0"


def test_two_services_are_compared(run: Run, url: str, mutant: str) -> None:
    """Both are live; the verdict has both sides' times."""
    same = run("compare", url, url, "--users", "1,1000-1010", "--matrix")
    different = run("compare", url, mutant, "--users", "1,1000-1010")

    assert "840 compared, 840 same, 0 different" in same.stdout
    assert "legacy: p50 " in same.stdout
    assert "new: p50 " in same.stdout
    assert same.returncode == 0
    assert "number scale, " in different.stdout
    assert different.returncode == 1


def test_requests_are_repeated_and_times_judged(run: Run, url: str) -> None:
    """Where an option wants that."""
    options = ["--users", "1,1000-1004", "--repeat", "2", "--slower-than"]

    slow = run("compare", url, url, *options, "0.001")
    fast = run("compare", url, url, *options, "1000")

    assert "36 compared, 36 same, 0 different" in slow.stdout
    assert "FAILED: slower: p50 is " in slow.stdout
    assert slow.returncode == 1
    assert fast.returncode == 0, fast.stdout


def _charging(make_app: Callable[..., WebApi]) -> Changed:
    """Make a service in which a charge goes on: one per cent with each answer."""
    percents = iter(range(10_000))

    def change(answer: Answer) -> Answer:
        body = answer.body.replace(
            b'"current_percent":12.0', b'"current_percent":%d.0' % next(percents)
        )
        return Answer(answer.status, answer.headers, body)

    return Changed(make_app(log_requests=False), change)


def test_a_value_that_moves_is_called_moved(
    run: Run, url: str, make_app: Callable[..., WebApi], tmp_path: Path
) -> None:
    """It is no difference, and not counted as compared either."""
    log = tmp_path / "log"
    accepts = ["text/json", "application/json", "*/*"]
    entries = [
        {
            "request": {
                "method": "GET",
                "url": f"{url}/ChargeProcess/Status?user_id={user}",
                "headers": [{"name": "Accept", "value": accept}],
            }
        }
        for user in (1, 1001)
        for accept in accepts
    ]
    log.write_text(json.dumps({"log": {"entries": entries}}), encoding="utf-8")
    with serving(_charging(make_app)) as legacy, serving(make_app(log_requests=False)) as new:
        done = run("compare", legacy, new, "--log", log, "--concurrency", "1")

    assert done.stdout.splitlines()[-1] == "3 compared, 3 same, 0 different, 3 moved"
    assert "the legacy service differs from itself: other value at current_percent" in done.stdout
    assert done.returncode == 0


@pytest.mark.parametrize("are_added", [False, True])
def test_a_bound_is_stated_for_a_log_alone(
    run: Run, url: str, some: Path, tmp_path: Path, are_added: bool
) -> None:
    """Its repeated URLs count once; recordings beside it were chosen."""
    log = tmp_path / "log"
    log.write_text("/ChargeProcess/Status?user_id=1001\n", encoding="utf-8")
    added = ["--recordings", some] if are_added else []
    done = run("compare", url, url, "--log", log, *added, "--repeat", "9", "--json", "made.json")
    bound = json.loads((tmp_path / "made.json").read_text(encoding="utf-8"))["bound"]

    assert done.returncode == 0
    assert ("have 1 different URL." in bound) is not are_added
    assert ("no share of differing requests follows" in bound) is are_added


def test_what_cant_be_asked_ends_with_3(run: Run, tmp_path: Path) -> None:
    """After as many failures as are allowed, with the reason."""
    done = run("replay", _RECORDED, _NOWHERE, "--failures", "3")
    recorded = run("record", _NOWHERE, "--users", "1")

    assert "stopped after 3 failures, the last: http://127.0.0.1:9: " in done.stdout
    assert "nothing was compared" in done.stdout
    assert done.returncode == recorded.returncode == 3
    assert "Connection refused" in recorded.stderr


def test_a_header_that_recordings_lack_is_not_called_compared(
    run: Run, url: str, some: Path
) -> None:
    """Those of 1.0.0 hold two headers."""
    done = run("replay", some, url, "--compare", "Server")

    said = "120 recordings held only Content-Type and Allow: --compare Server compared nothing"
    assert f"FAILED: {said} there" in done.stdout
    assert done.returncode == 1


def test_a_recording_of_only_one_error_proves_nothing(run: Run, url: str) -> None:
    """Also where it is resumed; a right answer beside it proves something."""
    wrong = ["record", f"{url}/wrong", "--users", "1"]
    first, resumed = run(*wrong), run(*wrong, "--resume")
    good = run("record", url, "--users", "1,2", "--resume")

    for done in (first, resumed):
        assert "FAILED: nothing was proven: every answer was 404 (2 answers)" in done.stdout
        assert done.returncode == 1
    assert good.returncode == 0


def test_nothing_compared_is_a_failure(run: Run, url: str, tmp_path: Path) -> None:
    """An empty file proves nothing."""
    (tmp_path / "none.jsonl").write_text("", encoding="utf-8")

    done = run("replay", "none.jsonl", url)

    assert "FAILED: nothing was compared" in done.stdout
    assert done.returncode == 1


@pytest.mark.parametrize(
    ("path", "users", "said"),
    [
        (
            "/wrong",
            "1,1000",
            "proven: every answer was 404 (4 answers); check the path",
        ),
        ("", "5-6", "none of 4 answers held a process with a value (4 were null)"),
    ],
)
def test_two_services_that_prove_nothing_fail(
    run: Run, url: str, path: str, users: str, said: str
) -> None:
    """However alike they are."""
    done = run("compare", url + path, url + path, "--users", users)

    assert "4 compared, 4 same, 0 different" in done.stdout
    assert said in done.stdout
    assert done.returncode == 1


def test_where_the_legacy_service_failed_nothing_is_compared(
    run: Run, make_app: Callable[..., WebApi]
) -> None:
    """It is counted apart, with what the new one answered."""
    failing = Changed(
        make_app(log_requests=False), lambda answer: Answer(500, answer.headers, answer.body)
    )
    with serving(failing) as legacy, serving(make_app(log_requests=False)) as new:
        both = run("compare", legacy, legacy, "--users", "1")
        one = run("compare", legacy, new, "--users", "1")

    assert "skipped: 2 the legacy service answered 500, the new one 500" in both.stdout
    assert "skipped: 2 the legacy service answered 500, the new one 200" in one.stdout
    assert "FAILED: nothing was compared" in both.stdout
    assert both.returncode == one.returncode == 1


_ALLOWED = """
[[allowed]]
name = "numbers without fraction"
reason = "agreed"
expires = {expires}
kind = "number scale"
where = "*"
"""


@pytest.mark.parametrize(
    ("expires", "target", "code", "said"),
    [
        ("2999-01-01", "mutant", 0, "allowed: numbers without fraction ("),
        (
            "2020-01-01",
            "mutant",
            1,
            "FAILED: allowed difference 'numbers without fraction' expired",
        ),
        ("2999-01-01", "url", 1, "'numbers without fraction' no longer occurs: remove it"),
    ],
)
def test_allowed_differences(
    run: Run,
    url: str,
    mutant: str,
    some: Path,
    tmp_path: Path,
    expires: str,
    target: str,
    code: int,
    said: str,
) -> None:
    """One in force passes; one that expired or no longer occurs fails the run."""
    (tmp_path / "allowed.toml").write_text(_ALLOWED.format(expires=expires), encoding="utf-8")

    done = run(
        "replay", _RECORDED, mutant if target == "mutant" else url, "--allow", "allowed.toml"
    )

    assert said in done.stdout
    assert done.returncode == code


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["replay", "none.jsonl", "http://a"], "none.jsonl"),
        (["replay", "bad.jsonl", "http://a"], "bad.jsonl:1: is not a recording"),
        (["replay", "bad.jsonl", "ftp://a"], "must be http://HOST"),
        (["compare", "http://a:x", "http://b", "--users", "1"], "must be http://HOST"),
        (["record", "http://a"], "name the requests to send: --users, --log"),
        (["record", "http://a", "--users", "1-"], "must be an id or a range such as 1-100"),
        (["record", "http://a", "--log", "bad.jsonl", "--matrix"], "--matrix needs --users"),
        (["record", "http://a", "--log", "bad.jsonl"], "must be an IIS W3C log"),
        (["record", "http://a", "--users", "1", "--header", "x"], "must be 'Name: value'"),
        (["record", "http://a", "--users", "1", "--rate", "0"], "x>0"),
        (
            ["record", "http://a", "--users", "1", "--mask", "stationname"],
            "'--mask': 'stationname' is not one of process_id, active, charge_complete,",
        ),
        (["compare", "http://a", "http://b", "--users", "1", "--mask", "x"], "one of process_id,"),
        (["replay", "bad.jsonl", "http://a", "--mask", "x"], "'x' is not one of process_id,"),
        (
            ["record", "http://a", "--users", "1", "--mask", "price", "--mask-key", "empty"],
            "empty: it must hold",
        ),
        (
            ["record", "http://a", "--users", "1", "--mask-key", "empty"],
            "--mask-key has no effect without --mask",
        ),
        (
            ["record", "http://a", "--users", "1", "--sample", "0.5"],
            "--sample has no effect without --listen",
        ),
        (
            ["record", "http://a", "--users", "1", "--log-url", "url"],
            "--log-url has no effect without --log",
        ),
        (
            ["record", "http://a", "--listen", "127.0.0.1:0", "--failures", "2"],
            "--failures has no effect with --listen",
        ),
        (
            ["compare", "http://a", "http://a", "--listen", "127.0.0.1:0", "--repeat", "2"],
            "--repeat has no effect with --listen",
        ),
        (
            ["compare", "http://a", "http://a", "--users", "1", "--compare", "Sever"],
            "Upgrade, not 'Sever': all others are compared anyway",
        ),
        (["replay", "bad.jsonl", "http://a", "--allow", "bad.jsonl"], "is not TOML"),
    ],
)
def test_wrong_arguments_end_with_2(
    run: Run, tmp_path: Path, arguments: list[str], said: str
) -> None:
    """In one line that says what is allowed."""
    (tmp_path / "bad.jsonl").write_text("what?\n", encoding="utf-8")
    (tmp_path / "empty").write_text("\n", encoding="utf-8")

    done = run(*arguments)

    assert done.returncode == 2
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_terminal_gets_a_table(
    mutant: str, some: Path, clean_env: dict[str, str], tmp_path: Path
) -> None:
    """And a bar while it runs."""
    primary, secondary = terminal.pair()
    command = [*_COMMAND, "replay", str(some), mutant]
    env = {**clean_env, "TERM": "xterm", "COLUMNS": "120"}
    with subprocess.Popen(command, env=env, cwd=tmp_path, stdout=secondary, stderr=secondary) as it:
        os.close(secondary)
        said = _read_all(primary)
        it.wait(timeout=60)

    assert "\u2503 answers \u2503" in re.sub(r"\x1b\[[0-9;?]*\w", "", said)
    assert "asking" in said
    assert it.returncode == 1


def _read_all(terminal: int) -> str:
    parts: list[bytes] = []
    while True:
        try:
            part = os.read(terminal, 65536)
        except OSError:
            break
        if not part:
            break
        parts.append(part)
    os.close(terminal)
    return b"".join(parts).decode()


def test_ten_thousand_answers_are_compared_in_time(run: Run, url: str) -> None:
    """With a minute of CPU time, 16 at once."""
    before = os.times()

    done = run("compare", url, url, "--users", "1-143", "--matrix", "--limit", "10000")

    assert "10,000 compared, 10,000 same" in done.stdout
    after = os.times()
    spent = after.children_user + after.children_system
    assert spent - before.children_user - before.children_system < 60


def test_each_service_is_sent_its_own_host(run: Run, make_app: Callable[..., WebApi]) -> None:
    """And what it says of its own address is read as the other's."""
    legacy = make_app(log_requests=False, allowed_hosts=("127.0.0.1",))
    new = make_app(log_requests=False, allowed_hosts=("localhost",))
    with serving(legacy) as old_url, serving(new) as new_url:
        new_url = new_url.replace("127.0.0.1", "localhost")
        one_host = run("compare", old_url, new_url, "--users", "1", "--matrix")
        own_host = run("compare", old_url, new_url, "--users", "1", "--matrix", "--own-host")

    assert one_host.returncode == 1
    assert own_host.returncode == 0, own_host.stdout
