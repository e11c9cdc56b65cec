"""The deploy commands' help."""

import click
import pytest

from app.server.deploy.commands import deploy

_OPTIONS = [
    (command, option)
    for command in deploy.commands.values()
    for option in command.params
    if isinstance(option, click.Option)
]


@pytest.mark.parametrize(
    ("command", "option"), _OPTIONS, ids=[f"{c.name} {o.opts[0]}" for c, o in _OPTIONS]
)
def test_the_help_of_an_option_is_a_sentence_with_its_default(
    command: click.Command, option: click.Option
) -> None:
    """So that nobody has to read the code."""
    _, shown = option.get_help_record(click.Context(command)) or ("", "")

    text, _, rest = shown.partition("  [")
    assert text[:1].isupper()
    assert text.endswith(".")
    assert "default: " in rest or "required" in rest or option.name == "compose"


@pytest.mark.parametrize("command", deploy.commands.values(), ids=list(deploy.commands))
def test_a_command_says_what_it_prints(command: click.Command) -> None:
    """It changes nothing."""
    assert (command.help or "").startswith("Print ")
