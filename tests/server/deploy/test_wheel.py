"""From the wheel to a running unit, by the page's own commands."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

from tests import packages, truth
from tests.conftest import ROOT

_PAGE = ROOT / "app" / "server" / "deploy" / "README.md"


def test_the_steps_lead_to_what_serves(
    checkout: Path, tmp_path: Path, clean_env: dict[str, str]
) -> None:
    """All but systemd's own; then what the unit starts is started and is ready."""
    packages.module("ensurepip", "python3-venv")
    text = _PAGE.read_text(encoding="utf-8")
    block = text.partition("<!-- unit commands -->\n```sh\n")[2].partition("\n```")[0]
    *steps, last = block.splitlines()
    moved = "\n".join(steps).replace("/opt/", f"{tmp_path}/").replace("/etc/systemd/system", ".")
    script = f"set -e\n{moved}\n".replace("python3 ", f"{sys.executable} ")
    env = {name: value for name, value in clean_env.items() if name != "PYTHONPATH"}

    subprocess.run(["bash", "-c", script], cwd=checkout, env=env, check=True, capture_output=True)

    unit = (checkout / "chargecloud.service").read_text(encoding="utf-8")
    (started,) = re.findall(r"^ExecStart=(.*)$", unit, re.M)
    port = truth.free_port()
    command = shlex.split(started.replace("127.0.0.1:8000", f"127.0.0.1:{port}"))
    env["CHARGECLOUD_DATABASE_URL"] = f"sqlite:///{tmp_path / 'store.sqlite'}"
    with truth.running(command, port, env, tmp_path):
        client = truth.Client(port)
        answer = client.ask("GET", "/readyz", [("Host", "a"), ("Connection", "close")])
    os.unlink(checkout / "chargecloud.service")

    assert len(steps) == 4
    assert last.startswith("systemctl daemon-reload && systemctl enable --now chargecloud ")
    assert command[0] == str(tmp_path / "chargecloud" / "bin" / "chargecloud")
    assert answer.status == 200
