"""A file of recordings that grows."""

from pathlib import Path

import pytest

from app.parity.masking import Mask
from app.parity.recorder import Recorder
from app.parity.recording import Answer, RecordingError, Request, parse

_ANSWER = Answer(200, (("Content-Type", "application/json"),), b"{}")


def _recorder(path: Path) -> Recorder:
    return Recorder(path, True, False, Mask(()))


@pytest.mark.parametrize("text", [b"notes of mine", b"{}", b'{"id": 0}\n'])
def test_another_file_is_not_gone_on_with(tmp_path: Path, text: bytes) -> None:
    """Nothing of it is cut off, also without a line end."""
    path = tmp_path / "notes"
    path.write_bytes(text)

    with pytest.raises(RecordingError, match="notes:1: "), _recorder(path):
        pass

    assert path.read_bytes() == text


@pytest.mark.parametrize("kept", [1, 5, 40, 120])
def test_a_line_that_was_cut_off_is_written_again(tmp_path: Path, kept: int) -> None:
    """Wherever it was cut."""
    path = tmp_path / "recordings.jsonl"
    with _recorder(path) as recorder:
        recorder.write("json", Request("GET", "/1"), _ANSWER)
        recorder.write("json", Request("GET", "/2"), _ANSWER)
    whole = path.read_bytes()
    first, _ = whole.splitlines(keepends=True)
    path.write_bytes(whole[: len(first) + kept])

    with _recorder(path) as recorder:
        recorder.write("json", Request("GET", "/2"), _ANSWER)

    assert path.read_bytes() == whole


@pytest.mark.parametrize("text", ["[" * 100_000, '{"id":Infinity,"tag":"","error_detail":false}'])
def test_a_line_that_python_cant_hold_is_named(text: str) -> None:
    """It is nested too deeply, or its number has no end."""
    line = text.replace(
        "false}",
        'false,"request":{"method":"","target":"","headers":[]},"response":{"body":"","status":1,"headers":[]}}',
    )

    with pytest.raises(RecordingError, match=r"^a:1: is not a recording: "):
        parse(line.encode(), "a:1")
