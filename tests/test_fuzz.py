"""20,000 damaged inputs; a million by hand (README, "Security")."""

from tests.measure.fuzz import Fuzzer


def test_no_input_raises_or_gives_an_unknown_5xx() -> None:
    """Requests, headers, targets and import files, damaged in many ways."""
    fuzzer = Fuzzer(seed=7)
    try:
        fuzzer.run(20_000)
    finally:
        fuzzer.close()

    assert set(fuzzer.statuses) == {0, 200, 400, 404, 405, 500}
