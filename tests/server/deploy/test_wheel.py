"""From a clone to a running service, by the front page's own commands."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

from tests import packages, truth
from tests.conftest import ROOT

_PAGE = ROOT / "README.md"
_UNTRIED = ("systemctl ", "nginx ")


def test_the_steps_lead_to_what_serves(
    checkout: Path, tmp_path: Path, clean_env: dict[str, str]
) -> None:
    """All but systemd's and nginx's own; then what the unit starts is started and is ready.

    What steps 4 and 5 print follows the settings of step 3.
    """
    packages.module("ensurepip", "python3-venv")
    section = _PAGE.read_text(encoding="utf-8").partition("\n## Deploy it\n")[2]
    lines = section.partition("```sh\n")[2].partition("\n```")[0].splitlines()
    steps = "\n".join(line for line in lines if not line.startswith(_UNTRIED))
    steps = re.sub(r"(?<!\w)/(?=opt/|etc/)", f"{tmp_path}/", steps)
    steps = steps.replace("python3 ", f"{sys.executable} ")
    steps = steps.replace("PROXY_HOPS=1", "BASE_PATH=/api")
    for folder in ("etc/systemd/system", "etc/nginx/conf.d"):
        (tmp_path / folder).mkdir(parents=True)
    env = {name: value for name, value in clean_env.items() if name != "PYTHONPATH"}

    subprocess.run(
        ["sh", "-c", f"set -e\n{steps}"], cwd=checkout, env=env, check=True, capture_output=True
    )

    site = (tmp_path / "etc/nginx/conf.d/chargecloud.conf").read_text(encoding="utf-8")
    unit = (tmp_path / "etc/systemd/system/chargecloud.service").read_text(encoding="utf-8")
    (started,) = re.findall(r"^ExecStart=(.*)$", unit, re.M)
    port = truth.free_port()
    command = shlex.split(started.replace("127.0.0.1:8000", f"127.0.0.1:{port}"))
    env["CHARGECLOUD_DATABASE_URL"] = f"sqlite:///{tmp_path / 'store.sqlite'}"
    with truth.running(command, port, env, tmp_path):
        client = truth.Client(port)
        answer = client.ask("GET", "/readyz", [("Host", "a"), ("Connection", "close")])

    assert [line[:4] for line in lines if line.startswith("#")] == [f"# {n}." for n in range(1, 6)]
    assert command[0] == str(tmp_path / "opt" / "chargecloud" / "bin" / "chargecloud")
    assert 'location = "/api/readyz"' in site
    assert answer.status == 200
