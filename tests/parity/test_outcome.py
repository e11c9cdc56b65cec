"""What came of one request."""

from socket import socket

from app.parity.client import Service
from app.parity.outcome import Replay, Result, rebased
from app.parity.recording import Answer, Recording, Request
from tests.parity.hostile import sends, talking, whole

_TYPE = (("Content-Type", "application/json; charset=utf-8"),)
_GET = Request("GET", "/ChargeProcess/Status?user_id=1", (("Host", "legacy.example"),))


def test_a_services_own_address_is_read_as_the_others_in_errors_only() -> None:
    """An image's address in a process is a value that clients use."""
    service = Service("http://new.example:8000", own_host=True)
    old, new = b'{"Message":"http://legacy.example/a"}', b'{"Message":"http://new.example:8000/a"}'

    def read(status: int) -> bytes:
        answers = (Answer(status, _TYPE, body) for body in (new, old))
        return rebased(service, _GET, *answers).body

    assert read(404) == old
    assert read(200) == new


def test_a_difference_from_a_recording_is_kept_if_the_next_request_has_no_answer() -> None:
    """The service answers wrongly once and then can't be reached."""
    recording = Recording(1, "", False, _GET, Answer(200, _TYPE, b'{"price":1.0}'))
    services: list[Service] = []

    def talk(client: socket) -> None:
        sends(whole(b'{"price":2.0}'))(client)
        services[0].stop()

    with talking(talk) as url, Service(url) as service:
        services.append(service)
        outcome = Replay(service)(recording)

    assert outcome.result is Result.DIFFERENT
    assert [item.where for item in outcome.differences] == ["price"]
