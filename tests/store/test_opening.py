"""Which store the settings mean, and where it is made."""

from pathlib import Path

import pytest

from app.config import Settings
from app.errors import StoreError
from app.host.actions import CHARGE_PROCESS
from app.store.opening import open_store


def test_the_embedded_store_makes_its_folder(tmp_path: Path) -> None:
    """A checkout has none before the first start; it belongs to the owner alone."""
    store = open_store(Settings(), [CHARGE_PROCESS], str(tmp_path / "instance"))
    assert list(tmp_path.iterdir()) == []

    assert store.latest(CHARGE_PROCESS, 1) is None
    store.close()

    assert (tmp_path / "instance" / "chargecloud.sqlite").is_file()
    assert (tmp_path / "instance").stat().st_mode & 0o777 == 0o700


def test_no_other_folder_is_made(tmp_path: Path) -> None:
    """A mistyped path stays an error."""
    url = f"sqlite:///{tmp_path / 'mistyped' / 'store.sqlite'}"
    store = open_store(Settings(database_url=url), [CHARGE_PROCESS], str(tmp_path))

    with pytest.raises(StoreError, match=f"there is no folder {tmp_path / 'mistyped'}$"):
        store.latest(CHARGE_PROCESS, 1)

    assert list(tmp_path.iterdir()) == []
