"""The unit for systemd, checked by systemd's own tools."""

import re
import subprocess
import sys
from pathlib import Path

from app.server.deploy.systemd import unit
from tests import packages


def _analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [packages.program("systemd-analyze"), *arguments]
    return subprocess.run(command, capture_output=True, text=True)


def test_the_unit_is_valid(tmp_path: Path) -> None:
    """systemd-analyze verify finds nothing to say."""
    path = tmp_path / "chargecloud.service"
    path.write_text(unit(sys.executable, "127.0.0.1:8000", local=True))

    done = _analyze("verify", str(path))

    assert (done.returncode, done.stdout) == (0, "")
    assert "chargecloud" not in done.stderr


def test_the_unit_is_hardened(tmp_path: Path) -> None:
    """systemd-analyze security calls its exposure OK: below 2 of 10."""
    path = tmp_path / "chargecloud.service"
    path.write_text(unit(sys.executable, "127.0.0.1:8000", local=True))

    done = _analyze("security", "--offline=true", str(path))

    found = re.search(r"Overall exposure level for chargecloud.service: ([0-9.]+)", done.stdout)
    assert found
    assert float(found[1]) < 2


def test_a_service_with_a_store_elsewhere_may_reach_it() -> None:
    """--no-local leaves the network open."""
    assert "IPAddressDeny" in unit("/c", "127.0.0.1:8000", local=True)
    assert "IPAddressDeny" not in unit("/c", "127.0.0.1:8000", local=False)
