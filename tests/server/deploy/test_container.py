"""The recipe for an image and the compose file; tests/measure/container.py builds and runs it."""

import re
import subprocess
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from app.host.application import WebApi
from app.server.deploy.container import USER, compose, recipe
from app.server.deploy.resources import resources
from tests import truth

_BASE = "docker.io/library/python:3.13-slim-trixie"


def _instructions(word: str) -> list[str]:
    return re.findall(rf"^{word} (.*)$", recipe(_BASE), re.M)


def test_the_image_has_two_stages_and_nothing_of_the_first_but_the_packages() -> None:
    """Neither the lock file nor the wheel nor pip is in what runs."""
    assert _instructions("FROM") == [f"{_BASE} AS build", _BASE]
    last = recipe(_BASE).rpartition("\nFROM ")[2]
    assert re.findall(r"^COPY (.*)$", last, re.M) == [
        "--from=build /opt/chargecloud /opt/chargecloud"
    ]
    assert "pip" not in last


def test_each_package_is_the_locked_one() -> None:
    """By its hash; and the wheel brings nothing from an index."""
    locked, own = (run for run in _instructions("RUN") if "pip install" in run)

    assert "--require-hashes -r requirements.lock" in locked
    assert "--no-deps --no-index chargecloud-*.whl" in own


def test_it_runs_as_a_user_of_its_own_and_is_told_to_stop() -> None:
    """Not root, and with no shell that would keep the signals."""
    assert _instructions("USER") == [f"{USER}:{USER}"]
    assert _instructions("ENTRYPOINT") == ['["chargecloud"]']
    assert _instructions("CMD") == ['["serve", "--bind", "0.0.0.0:8000"]']
    assert _instructions("STOPSIGNAL") == ["SIGTERM"]


@pytest.mark.parametrize("base_path", ["/", "/ChargeCloudAPI"])
def test_the_health_check_finds_a_service_that_lives(
    base_path: str, database_url: str, clean_env: dict[str, str], tmp_path: Path
) -> None:
    """Under its base path, past a proxy of the environment; and it fails where there is none."""
    (check,) = _instructions("HEALTHCHECK")
    port = truth.free_port()
    python, option, code = re.findall(r'"([^"]*)"', check)
    command = [sys.executable, option, code.replace("8000", str(port))]
    env = {
        **clean_env,
        "CHARGECLOUD_DATABASE_URL": database_url,
        "http_proxy": "http://127.0.0.1:9",
    }
    env["CHARGECLOUD_BASE_PATH"] = base_path
    serve = [sys.executable, "-m", "app", "serve", "--bind", f"127.0.0.1:{port}", "--workers", "1"]
    with truth.running(serve, port, env, tmp_path):
        alive = subprocess.run(command, env=env, cwd=tmp_path)
    dead = subprocess.run(command, env=env, cwd=tmp_path, capture_output=True)

    assert python == "python3"
    assert (alive.returncode, dead.returncode) == (0, 1)


@pytest.fixture(scope="module")
def composed() -> Any:
    """The compose file, read as YAML."""
    return import_module("yaml").safe_load(compose(3))


def test_the_composed_service_can_write_nothing_but_its_folders(composed: Any) -> None:
    """A root that can only be read, no capability, and no other network than that of its store."""
    service = composed["services"]["chargecloud"]

    assert service["read_only"] is True
    assert service["tmpfs"] == ["/tmp"]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["networks"] == ["inside"]
    assert composed["networks"]["inside"] == {"internal": True}
    assert [name for name, item in composed["services"].items() if "ports" in item] == ["nginx"]


def test_the_composed_limits_fit_the_workers(composed: Any) -> None:
    """They come from the same place as those of the unit."""
    service = composed["services"]["chargecloud"]
    limits = resources("gunicorn", 3, None)

    assert service["command"][-2:] == ["--workers", "3"]
    assert service["pids_limit"] == limits.tasks
    assert service["mem_limit"] == f"{limits.megabytes}m"
    assert service["ulimits"] == {"nofile": limits.descriptors}


def test_what_the_composed_services_use_is_declared(composed: Any) -> None:
    """Secrets, volumes and networks; and each waits for what it needs to be healthy."""
    services = composed["services"].values()

    assert {s for item in services for s in item.get("secrets", ())} == set(composed["secrets"])
    assert {n for item in services for n in item["networks"]} == set(composed["networks"])
    assert composed["services"]["nginx"]["depends_on"] == {
        "chargecloud": {"condition": "service_healthy"}
    }


def test_the_command_prints_both(make_app: Callable[..., WebApi]) -> None:
    """The recipe, and with --compose the other file."""
    runner = make_app().test_cli_runner()

    assert runner.invoke(args=["deploy", "container"]).stdout == recipe(_BASE)
    composed = runner.invoke(args=["deploy", "container", "--compose", "--workers", "4"])
    assert composed.stdout == compose(4)


@pytest.mark.parametrize("base", ["a b", "a\nRUN x", "A", ""])
def test_an_image_that_is_none_is_refused(make_app: Callable[..., WebApi], base: str) -> None:
    """It is in the recipe unchanged."""
    done = make_app().test_cli_runner().invoke(args=["deploy", "container", "--base", base])

    assert done.exit_code == 2
    assert "must be an image's name, not" in " ".join(done.stderr.split())
