"""The chargecloud command, run as its users run it."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from app.host.actions import CHARGE_PROCESS
from app.host.data_contracts import data_contract
from app.server import demo
from app.store.transfer import records
from app.webapi.negotiation import XML
from schemas.charge_process import ChargeProcess
from tests import truth

LINE = records.writer(CHARGE_PROCESS)

_LINE = LINE(demo.processes()[0])
Command = Callable[..., subprocess.CompletedProcess[bytes]]


@pytest.fixture
def command(tmp_path: Path, clean_env: dict[str, str]) -> Command:
    """Run the command on a store of its own; keyword arguments are settings."""

    def run(
        *arguments: str, stdin: bytes = b"", **settings: str
    ) -> subprocess.CompletedProcess[bytes]:
        env = {
            **clean_env,
            "CHARGECLOUD_DATABASE_URL": f"sqlite:///{tmp_path / 'store.sqlite'}",
            **{f"CHARGECLOUD_{name}": text for name, text in settings.items()},
        }
        return subprocess.run(
            [sys.executable, "-m", "app", *arguments],
            input=stdin,
            env=env,
            cwd=tmp_path,
            capture_output=True,
            timeout=60,
        )

    return run


def test_import_export_import_gives_the_same_store(command: Command, tmp_path: Path) -> None:
    """What is exported is what was imported, byte for byte, also a second time."""
    assert command("import", str(truth.PROCESSES)).returncode == 0
    first = command("export").stdout
    (tmp_path / "again.jsonl").write_bytes(first)

    done = command("import", "again.jsonl")

    assert first == truth.PROCESSES.read_bytes()
    assert done.stdout == b"again.jsonl: 151 processes\n"
    assert command("export").stdout == first


def test_standard_input_is_imported(command: Command) -> None:
    """A dash is standard input."""
    done = command("import", "-", stdin=f"[{_LINE}]".encode())

    assert done.returncode == 0
    assert command("export").stdout.decode() == _LINE


def test_an_xml_answer_is_imported_for_a_user(command: Command, tmp_path: Path) -> None:
    """--user-id says whose answer it is."""
    stored = demo.processes()[1]
    (tmp_path / "answer.xml").write_bytes(XML.write(data_contract(ChargeProcess), stored[1:]))

    done = command("import", "--user-id", "-7", "answer.xml")

    assert done.returncode == 0
    assert command("export").stdout.decode() == LINE((-7, *stored[1:]))


def test_a_bad_line_changes_nothing(command: Command, tmp_path: Path) -> None:
    """The file's good lines are not taken either, and one line says what is wrong."""
    command("import", "-", stdin=_LINE.encode())
    bad = json.dumps({**json.loads(_LINE), "process_id": 9, "price": "x"})
    good = json.dumps({**json.loads(_LINE), "process_id": 8})
    (tmp_path / "bad.jsonl").write_text(f"{good}\n{bad}\n")

    done = command("import", "bad.jsonl")

    assert done.returncode == 1
    assert done.stderr == (b"chargecloud: bad.jsonl:2: price: must be a decimal number, not 'x'\n")
    assert command("export").stdout.decode() == _LINE


def test_files_before_a_bad_one_are_kept(command: Command, tmp_path: Path) -> None:
    """All or nothing is each file's."""
    (tmp_path / "good.jsonl").write_text(_LINE)
    (tmp_path / "bad.jsonl").write_text("{")

    done = command("import", "good.jsonl", "bad.jsonl")

    assert done.returncode == 1
    assert done.stdout == b"good.jsonl: 1 processes\n"
    assert command("export").stdout.decode() == _LINE


@pytest.mark.parametrize(
    ("arguments", "settings", "code", "said"),
    [
        (["nope"], {}, 2, "No such command 'nope'"),
        (["import"], {}, 2, "Missing argument 'FILE...'"),
        (["import", "nofile"], {}, 2, "File 'nofile' does not exist"),
        (["import", "--user-id", "x", "-"], {}, 2, "'--for': 'x' is not a valid integer"),
        (["import", "--user-id", "2147483648", "-"], {}, 1, "user_id: must be from -2147483648"),
        (["serve", "--workers", "0"], {}, 2, "'--workers': 0 is not in the range x>=1"),
        (["serve", "--server", "x"], {}, 2, "'x' is not one of 'gunicorn', 'granian'"),
        (["serve", "--bind", "h:x"], {}, 2, "must be HOST:PORT, not 'h:x'"),
        (["serve", "--server", "granian", "--bind", "h"], {}, 2, "must be HOST:PORT, not 'h'"),
        (["export"], {"NOPE": "1"}, 2, "CHARGECLOUD_NOPE is not a setting"),
        (["export"], {"DATABASE_URL": "x"}, 2, "CHARGECLOUD_DATABASE_URL must be"),
        (["routes"], {"PROXY_HOPS": "x"}, 2, "CHARGECLOUD_PROXY_HOPS must be a number"),
        (["serve"], {"ERROR_DETAIL": "x"}, 2, "CHARGECLOUD_ERROR_DETAIL must be never, local or"),
        (
            ["export"],
            {"DATABASE_URL": "sqlite:////proc/no/x"},
            1,
            "/proc/no/x can't be read",
        ),
    ],
)
def test_bad_usage_is_one_line(
    command: Command, arguments: list[str], settings: dict[str, str], code: int, said: str
) -> None:
    """It names what is wrong, on standard error; 2 is usage, 1 a failure."""
    stdin = json.dumps({k: v for k, v in json.loads(_LINE).items() if k != "user_id"}).encode()

    done = command(*arguments, stdin=stdin, **settings)

    assert done.returncode == code
    assert said in done.stderr.decode()
    assert done.stderr.startswith(b"chargecloud: ")
    assert done.stderr.count(b"\n") == 1


def test_a_broken_store_is_one_line(command: Command, tmp_path: Path) -> None:
    """A file that is no database is named."""
    (tmp_path / "store.sqlite").write_bytes(b"no database" * 1000)

    for arguments in (["export"], ["import", "-"], ["serve", "--demo", "--bind", "127.0.0.1:0"]):
        done = command(*arguments, stdin=_LINE.encode())
        assert done.returncode == 1
        assert done.stderr.count(b"\n") == 1
        assert done.stderr.endswith(b": file is not a database\n")


def test_a_reader_that_goes_ends_the_export(command: Command, tmp_path: Path) -> None:
    """As `export | head -1` does, without a traceback."""
    many = "".join(LINE((1, number, *demo.processes()[0][2:])) for number in range(5000))
    command("import", "-", stdin=many.encode())
    process = subprocess.Popen(
        [sys.executable, "-m", "app", "export"],
        env={
            "PATH": "/usr/bin:/bin",
            "PYTHONPATH": str(Path(__file__).parent.parent),
            "CHARGECLOUD_DATABASE_URL": f"sqlite:///{tmp_path / 'store.sqlite'}",
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.readline()
    process.stdout.close()

    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait(30) == 1


def test_flask_shows_the_same_commands(clean_env: dict[str, str], tmp_path: Path) -> None:
    """flask --app wsgi has them all."""
    done = subprocess.run(
        [sys.executable, "-m", "flask", "--app", "wsgi", "--help"],
        env=clean_env,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )

    for name in ("serve", "import", "export", "routes", "run"):
        assert f"\n  {name} " in done.stdout


def test_flask_routes_shows_the_action(command: Command) -> None:
    """The route table is Flask's."""
    assert b"ChargeProcess/Status  GET" in command("routes").stdout


def test_an_old_python_is_refused(clean_env: dict[str, str]) -> None:
    """One line says which version is needed."""
    old = "import sys; sys.version_info = (3, 10, 2); sys.version = '3.10.2 (main)'; import app"
    done = subprocess.run([sys.executable, "-c", old], env=clean_env, capture_output=True)

    assert done.returncode == 1
    assert done.stderr == b"chargecloud needs Python 3.11 or newer; this is 3.10.2\n"
