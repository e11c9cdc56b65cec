"""The command line's help, its version and its exit codes."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

import app
from app.__main__ import main
from app.cli import COMMANDS

_LONGEST = 80
"""The columns of a terminal that nobody widened."""


def _run(*arguments: str, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "app", *arguments]
    return subprocess.run(command, env=env, capture_output=True, text=True)


def _commands(group: click.Group, *path: str) -> Iterator[tuple[str, click.Command]]:
    """Yield each command of ours below a group, with what is typed to call it."""
    context = click.Context(group)
    for name in group.list_commands(context):
        if not path and name not in COMMANDS:
            continue
        command = group.get_command(context, name)
        assert command is not None
        yield " ".join([*path, name]), command
        if isinstance(command, click.Group):
            yield from _commands(command, *path, name)


_KEYS = {"JWT_JWKS": "https://login.example/keys", "JWT_ISSUER": "i", "JWT_AUDIENCE": "a"}
_OURS = dict(_commands(main))


@pytest.mark.parametrize(
    "group", ["", *(name for name, command in _OURS.items() if isinstance(command, click.Group))]
)
def test_a_group_alone_shows_its_help(group: str, clean_env: dict[str, str]) -> None:
    """On standard error, with its lines, and exit code 2."""
    done = _run(*group.split(), env=clean_env)

    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith(f"Usage: chargecloud {group}".strip())
    assert "\n  -h, --help " in done.stderr
    assert "\nCommands:\n  " in done.stderr


def test_h_is_help(clean_env: dict[str, str]) -> None:
    """As in most commands, and below groups too."""
    short, long = (_run("db", "check", option, env=clean_env) for option in ("-h", "--help"))

    assert (short.returncode, short.stdout) == (0, long.stdout)


def test_the_version_is_shown(clean_env: dict[str, str]) -> None:
    """It is that of the package."""
    done = _run("--version", env=clean_env)

    assert (done.returncode, done.stdout) == (0, f"chargecloud {app.__version__}\n")


def test_python_m_app_is_the_installed_command(clean_env: dict[str, str]) -> None:
    """Both show the same help, under the same name."""
    installed = str(Path(sys.executable).parent / "chargecloud")

    done = subprocess.run([installed, "-h"], env=clean_env, capture_output=True, text=True)

    assert done.stdout == _run("-h", env=clean_env).stdout
    assert done.returncode == 0


def test_help_needs_no_valid_settings(clean_env: dict[str, str]) -> None:
    """Who asks for help may be about to mend them."""
    done = _run("--help", env={**clean_env, "CHARGECLOUD_NOPE": "1"})

    assert (done.returncode, done.stderr) == (0, "")


def test_no_line_of_the_list_of_commands_is_cut() -> None:
    """What a command does fits beside its name."""
    for name, command in _OURS.items():
        group = _OURS[name.rpartition(" ")[0]] if " " in name else main
        text = group.get_help(click.Context(group, terminal_width=_LONGEST))

        assert "..." not in text.partition("\nCommands:\n")[2], name
        assert command.help


@pytest.mark.parametrize("name", _OURS)
def test_help_shows_each_default(name: str) -> None:
    """Of every option that has one; a flag's is plain."""
    parent = click.Context(main, show_default=main.context_settings["show_default"])
    context = click.Context(_OURS[name], parent=parent)
    silent = [
        option.opts[0]
        for option in _OURS[name].params
        if isinstance(option, click.Option) and not option.is_flag
        if isinstance(option.get_default(context), str | int | float | list)
        if "default: " not in (option.get_help_record(context) or ("", ""))[1]
    ]

    assert silent == []


@pytest.mark.parametrize(
    ("module", "arguments", "settings", "named"),
    [
        ("granian", ["serve", "--server", "granian"], {}, "granian"),
        ("prometheus_client", ["routes"], {"METRICS": "on"}, "prometheus-client"),
        ("jwt", ["routes"], _KEYS, "'PyJWT[crypto]'"),
        ("psycopg", ["config"], {"DATABASE_URL": "postgresql+psycopg://h/d"}, "'psycopg[binary]'"),
    ],
)
def test_a_missing_package_is_named_as_pip_knows_it(
    clean_env: dict[str, str],
    module: str,
    arguments: list[str],
    settings: dict[str, str],
    named: str,
) -> None:
    """In one line that can be done: an extra of this package is on no index."""
    code = f"import sys; sys.modules[{module!r}] = None; from app.__main__ import main; main()"
    env = clean_env | {f"CHARGECLOUD_{name}": text for name, text in settings.items()}

    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], env=env, capture_output=True, text=True
    )

    assert done.stderr.endswith(f" needs a package that is not installed: pip install {named}\n")
    assert done.stderr.count("\n") == 1
    assert done.returncode in (1, 2)


def test_options_without_a_use_are_not_offered(clean_env: dict[str, str]) -> None:
    """Flask's --app names another application; this command has its own."""
    done = _run("--app", "other", "config", env=clean_env)

    assert done.returncode == 2
    assert done.stderr == "chargecloud: No such option '--app'.\n"
