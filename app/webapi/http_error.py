"""HttpError: what Web API answers when it has no value."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from app.webapi import messages
from app.webapi.data_contract import ClrType, DataContract, DataMember, Row

_MESSAGE = DataMember("Message", ClrType.STRING)
_MESSAGE_DETAIL = DataMember("MessageDetail", ClrType.STRING)
# HttpError writes its XML itself: no namespace, and a member that it lacks is left out.
_ERROR = DataContract("Error", None, (_MESSAGE,))
_DETAILED_ERROR = DataContract("Error", None, (_MESSAGE, _MESSAGE_DETAIL))


@dataclass(frozen=True, slots=True)
class HttpError:
    """An error's texts.

    Args:
        message: what everybody sees.
        message_detail: what those see to whom IncludeErrorDetailPolicy shows it.
    """

    message: str
    message_detail: str | None = None

    def value(self, include_detail: bool) -> tuple[DataContract, Row]:
        """Return the contract and the row to write, with or without the detail."""
        if include_detail and self.message_detail is not None:
            return _DETAILED_ERROR, (self.message, self.message_detail)
        return _ERROR, (self.message,)


class HttpResponseException(Exception):  # noqa: N818  the original's name
    """Ends a request with a status and an HttpError.

    Args:
        status: the HTTP status.
        error: what is written.
        headers: names and values of more headers, such as the ``Allow`` of a 405.
    """

    def __init__(
        self, status: int, error: HttpError, headers: Sequence[tuple[str, str]] = ()
    ) -> None:
        super().__init__(status, error)
        self.status = status
        self.error = error
        self.headers = headers


def not_found(uri: object, detail: str) -> HttpResponseException:
    """Return the 404 for what matches no resource: SRResources.ResourceNotFound.

    Args:
        uri: the request's URI; its ``str`` is shown.
        detail: what was not found.
    """
    message = messages.RESOURCE_NOT_FOUND.format(uri=uri)
    return HttpResponseException(404, HttpError(message, detail))


def method_not_supported(method: str, allowed: Iterable[str]) -> HttpResponseException:
    """Return the 405 of ApiControllerActionSelector.Create405Response, with the allowed verbs."""
    message = messages.METHOD_NOT_SUPPORTED.format(method=method)
    allow = ("Allow", ", ".join(sorted(allowed)))
    return HttpResponseException(405, HttpError(message), [allow])


def bad_request(detail: str) -> HttpResponseException:
    """Return the 400 for what model binding can't read."""
    return HttpResponseException(400, HttpError(messages.BAD_REQUEST, detail))


def internal_server_error() -> HttpResponseException:
    """Return the 500 of DefaultExceptionHandler; what failed is for the log only."""
    return HttpResponseException(500, HttpError(messages.ERROR_OCCURRED))
