"""`.ci/run` proves a commit; here, what it reads from README and where it ends."""

import re
import subprocess

import pytest

from tests.conftest import ROOT

_README = (ROOT / "README.md").read_text(encoding="utf-8")
_BARE = (ROOT / ".ci" / "bare").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["serve", "test"])
def test_the_bare_machine_runs_readmes_commands(name: str) -> None:
    """`.ci/bare` takes each whole command from README."""
    (function,) = re.findall(r"^readme\(\) .*$", _BARE, re.M)
    block = _README.partition(f"<!-- {name} command -->\n```sh\n")[2].partition("\n```")[0]

    found = subprocess.run(
        ["bash", "-c", f"{function}; readme {name}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout

    assert block
    assert found == f"{block}\n"


@pytest.mark.parametrize("script", ["run", "bare", "setup"])
def test_scripts_stop_at_the_first_failure(script: str) -> None:
    """Each is a program that bash can read."""
    path = ROOT / ".ci" / script

    done = subprocess.run(["bash", "-n", str(path)], capture_output=True, text=True)

    assert (done.returncode, done.stderr) == (0, "")
    assert "\nset -euo pipefail\n" in path.read_text(encoding="utf-8")
    assert path.stat().st_mode & 0o111
