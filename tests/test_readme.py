"""The README files say what is so: every one of them is read here."""

import dataclasses
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path

import click
import pytest

from app.cli import COMMANDS
from app.config import PREFIX, Settings
from app.host.actions import RESOURCES
from app.host.application import WebApi
from app.server import demo
from app.store.store import Store
from tests import truth

_ROOT = Path(__file__).parent.parent
_FILES = [
    _ROOT / name
    for name in subprocess.run(
        ["git", "ls-files", "*.md"], cwd=_ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    # .packaging has a link to the front page.
    if not (_ROOT / name).is_symlink()
]
_TEXTS = {path.relative_to(_ROOT).as_posix(): path.read_text(encoding="utf-8") for path in _FILES}
_README = _TEXTS["README.md"]
_NAMES = sorted(_TEXTS)


def _section(title: str) -> str:
    """Return a section's text."""
    return _README.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def _rows(title: str) -> list[list[str]]:
    """Return the cells of a section's table, without the marks of code."""
    lines = [line for line in _section(title).splitlines() if line.startswith("| `")]
    return [[cell.strip().replace("`", "") for cell in _cells(line)] for line in lines]


def _cells(line: str) -> list[str]:
    return re.split(r"(?<!\\)\|", line)[1:-1]


def test_the_front_page_is_short() -> None:
    """What a reader needs next is beside the code."""
    assert _README.count("\n") <= 180


def test_every_setting_is_listed() -> None:
    """The table has the names in the code's order, with their defaults and what is allowed."""
    declared = [
        (item.name.upper(), item.metadata["allowed"]) for item in dataclasses.fields(Settings)
    ]
    defaults = Settings().masked()

    rows = [(name, default, allowed) for name, default, allowed, _ in _rows("Settings")]

    assert [(name, allowed.replace("\\|", "|")) for name, _, allowed in rows] == declared
    assert {name: default for name, default, _ in rows} == {
        name: default or "none" for name, default in defaults.items()
    }


def test_every_command_is_listed(make_app: Callable[..., WebApi]) -> None:
    """The table names the application's own commands."""
    listed = {row[0].split()[1] for row in _rows("Commands")}
    context = click.Context(make_app().cli)

    assert listed == set(COMMANDS) == set(make_app().cli.list_commands(context))


def test_the_picture_is_true() -> None:
    """Every package and every module beside the packages is in the picture, and nothing else."""
    picture = _section("The source tree").split("```")[1]
    drawn = set(re.findall(r"\b(\w+)\.py\b", picture)) | set(
        re.findall(r"^  (\w+)/", picture, re.M)
    )
    there = {path.stem for path in (*_ROOT.glob("app/*.py"), *_ROOT.glob("*.py"))}
    there |= {path.parent.name for path in _ROOT.glob("app/*/__init__.py")}

    assert drawn == there - {"__init__"}


@pytest.fixture
def demo_app(make_app: Callable[..., WebApi], tmp_path: Path) -> WebApi:
    """The application as `serve --demo` serves it."""
    url = f"sqlite:///{tmp_path / 'demo.sqlite'}"
    demo.fill(Store(url, RESOURCES))
    return make_app(database_url=url)


def _asked(app: WebApi, command: str) -> truth.Answer:
    """Answer a curl command as the service on port 8000 does."""
    words = shlex.split(command.replace("$url", "http://127.0.0.1:8000/ChargeProcess/Status"))
    headers = [
        (name, value.strip())
        for option, text in pairwise(words)
        if option == "-H"
        for name, _, value in [text.partition(":")]
    ]
    method = words[words.index("-X") + 1] if "-X" in words else "GET"
    target = words[-1].removeprefix("http://127.0.0.1:8000")
    return truth.call(app, target, [("Host", "127.0.0.1:8000"), *headers], method)


def _examples() -> list[tuple[str, str]]:
    """Return the curl commands of the front page and what they print."""
    return re.findall(r"```console\n\$ (curl .*)\n(.*)\n```", _README)


@pytest.mark.parametrize(("command", "printed"), _examples(), ids=["json", "xml"])
def test_the_examples_are_what_the_demo_answers(
    demo_app: WebApi, command: str, printed: str
) -> None:
    """Each curl prints these bytes."""
    assert _asked(demo_app, command).body.decode() == printed


@pytest.mark.parametrize("row", _rows("Call it"), ids=lambda row: row[0])
def test_the_table_of_calls_is_what_the_demo_answers(demo_app: WebApi, row: list[str]) -> None:
    """Status and body, whole or up to the dots."""
    command, status, shown = (cell.replace("\\|", "|") for cell in row)

    answer = _asked(demo_app, command)

    assert str(answer.status) == status
    text = answer.body.decode()
    if shown.endswith("..."):
        assert text.startswith(shown.removesuffix("..."))
    else:
        assert text == shown


def test_the_test_command_is_what_ci_runs() -> None:
    """.ci/run takes the command from README."""
    command = _section("Test it").partition("```sh\n")[2].partition("\n```")[0]

    found = subprocess.run(
        ["sh", "-c", _CI_EXTRACT], cwd=_ROOT, capture_output=True, text=True, check=True
    ).stdout

    assert found.strip() == command
    assert _CI_EXTRACT in (_ROOT / ".ci" / "run").read_text(encoding="utf-8")


_CI_EXTRACT = "sed -n '/<!-- test command -->/,/```$/p' README.md | sed -n '/^python3/p'"


@pytest.mark.parametrize("name", _NAMES)
def test_every_link_leads_somewhere(name: str) -> None:
    """Files that are linked exist."""
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", _TEXTS[name])

    assert [link for link in links if not ((_ROOT / name).parent / link).exists()] == []


@pytest.mark.parametrize("name", _NAMES)
def test_every_file_and_module_that_is_named_exists(name: str) -> None:
    """`app/...` and `tests/...`, and what `python -m` runs."""
    named = set(re.findall(r"`((?:app|schemas|tests|\.ci|\.packaging)/[\w./-]+)", _TEXTS[name]))
    modules = set(re.findall(r"python3? -m ((?:tests|app)[\w.]*)", _TEXTS[name]))

    assert sorted(path for path in named if not (_ROOT / path.rstrip(".")).exists()) == []
    assert sorted(module for module in modules if find_spec(module) is None) == []


@pytest.mark.parametrize("name", _NAMES)
def test_every_setting_that_is_named_exists(name: str) -> None:
    """In the environment's spelling."""
    known = {PREFIX + item.name.upper() for item in dataclasses.fields(Settings)}
    known |= {f"{setting}_FILE" for setting in known} | {f"{PREFIX}NAME"}

    assert set(re.findall(rf"{PREFIX}[A-Z_]+", _TEXTS[name])) <= known


def _commands(text: str) -> Iterator[list[str]]:
    """Yield the words of each chargecloud command in a page's code."""
    code = re.findall(r"^```(?:sh|console)\n(.*?)^```", text, re.M | re.S)
    lines = [line for block in code for line in block.replace("\\\n", " ").splitlines()]
    lines += re.findall(r"`((?:chargecloud|python -m app) [^`]+)`", text)
    for line in lines:
        for part in re.split(r"&&|[|;>](?=\s)", line):
            found = re.search(r"(?:^|[\s/])(?:chargecloud|python -m app) (.*)", part.lstrip("$ "))
            if found:
                yield shlex.split(found[1].replace("...", ""))


@pytest.mark.parametrize("name", _NAMES)
def test_every_command_and_option_that_is_named_exists(
    make_app: Callable[..., WebApi], name: str
) -> None:
    """Each chargecloud command in a page is one, and has the options that are shown."""
    root = make_app().cli
    wrong = []
    for words in _commands(_TEXTS[name]):
        command: click.Command = root
        options: set[str] = {"--help", "--version", "-h"}
        for word in words:
            context = click.Context(command)
            if word.startswith("-") and word != "-":
                options |= {
                    o for param in command.params for o in (*param.opts, *param.secondary_opts)
                }
                wrong += [" ".join(words)] * (word.partition("=")[0] not in options)
            elif isinstance(command, click.Group):
                found = command.get_command(context, word)
                if found is None and word.isupper():
                    break
                wrong += [" ".join(words)] * (found is None)
                command = found or command

    assert wrong == []


def test_the_benchmarks_command_is_there() -> None:
    """It explains itself."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.measure.benchmark", "--help"],
        cwd=_ROOT,
        capture_output=True,
        text=True,
        check=True,
    )

    assert "constant" in done.stdout
