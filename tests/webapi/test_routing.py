"""Action selection and the order of what can be wrong."""

import pytest

from app.webapi.http_error import HttpResponseException
from app.webapi.routing import ActionSelector, HttpActionDescriptor, bind, http_method
from app.webapi.uri import RequestUri

_ACTION = HttpActionDescriptor("ChargeProcess", "Status", "user_id", "M Status(Int32)", "C")
_NO_ROUTE = "No route data was found for this request."


@pytest.mark.parametrize(
    "path",
    [
        "/ChargeProcess/Status",
        "/chargeprocess/STATUS",
        "/ChargeProcess/Status/",
        "/ChargeProcess/Status%2F",
        "/ChargeProcess%2FStatus",
        "/Charge%50rocess/Status",
        "//ChargeProcess/Status",
        "/ChargeProcess/./Status",
        "/x/../ChargeProcess/Status",
        "/x/%2e%2e/ChargeProcess/Status",
        "/ChargeProcess\\Status",
    ],
)
def test_paths_that_find_the_action(path: str) -> None:
    """Any case, decoded, dots resolved, one slash before and slashes after it forgiven."""
    assert ActionSelector([_ACTION]).find(path) is _ACTION


@pytest.mark.parametrize(
    ("path", "detail"),
    [
        ("/", _NO_ROUTE),
        ("*", _NO_ROUTE),
        ("/ChargeProcess", _NO_ROUTE),
        ("/ChargeProcess/", _NO_ROUTE),
        ("/ChargeProcess//Status", _NO_ROUTE),
        ("///ChargeProcess/Status", _NO_ROUTE),
        ("/ChargeProcess/Status/1", _NO_ROUTE),
        ("/Nope/Status", "No type was found that matches the controller named 'Nope'."),
        ("/Charge%C5%BF/x", "No type was found that matches the controller named 'Chargeſ'."),
        (
            "/ChargeProcess/Nope",
            "No action was found on the controller 'ChargeProcess' that matches the name 'Nope'.",
        ),
        (
            "/ChargeProcess/%20",
            "No action was found on the controller 'ChargeProcess' that matches the name ' '.",
        ),
    ],
)
def test_paths_that_find_nothing(path: str, detail: str) -> None:
    """The detail says what was missing first: route, controller, action."""
    assert ActionSelector([_ACTION]).find(path) == detail


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("/ChargeCloudAPI/ChargeProcess/Status", True),
        ("/chargecloudapi/chargeprocess/status", True),
        ("/x/../ChargeCloudAPI/ChargeProcess/Status", True),
        ("/ChargeProcess/Status", False),
        ("/ChargeCloudAPIx/ChargeProcess/Status", False),
        ("/ChargeCloudAPI//ChargeProcess/Status", False),
        ("//ChargeCloudAPI/ChargeProcess/Status", False),
        ("/ChargeCloudAPI", False),
    ],
)
def test_base_path(path: str, found: bool) -> None:
    """What lies outside the virtual directory has no route."""
    result = ActionSelector([_ACTION], "/ChargeCloudAPI").find(path)

    assert result == (_ACTION if found else _NO_ROUTE)


@pytest.mark.parametrize(
    ("method", "query", "status"),
    [
        ("POST", None, 404),
        ("POST", "userid=1", 404),
        ("POST", "user_id=x", 405),
        ("HEAD", "user_id=1", 405),
        ("GET#", "user_id=1", 405),
        ("POST", "user_id=1&x[=1", 500),
        ("GET", "[&]", 500),
        ("GET", "a[b]c[=1", 500),
        ("GET", "x%5b=1", 500),
        ("GET", "x[1]&x]=2", 404),
        ("GET", "user_id=x", 400),
        ("GET", "user_id", 400),
        ("GET", "user_id=&user_id=1", 400),
    ],
)
def test_what_is_wrong_first_is_said(method: str, query: str | None, status: int) -> None:
    """An unreadable query, a missing parameter, a wrong verb, an unreadable parameter."""
    with pytest.raises(HttpResponseException) as raised:
        bind(_ACTION, http_method(method), query, RequestUri("http", "h", "/"))

    assert raised.value.status == status
    assert list(raised.value.headers) == ([("Allow", "GET")] if status == 405 else [])


@pytest.mark.parametrize(
    ("method", "known_as"),
    [
        ("get", "GET"),
        ("Get", "GET"),
        ("post", "POST"),
        ("Head", "HEAD"),
        ("options", "OPTIONS"),
        ("patch", "patch"),
        ("Foo", "Foo"),
        ("GET#", "GET#"),
        ("g" * 1000, "g" * 1000),
        ("po\u017ft", "po\u017ft"),
    ],
)
def test_methods(method: str, known_as: str) -> None:
    """HttpMethod's own verbs count in any case, any other token is one as it is written."""
    assert http_method(method) == known_as


def test_the_argument_is_bound() -> None:
    """A readable parameter is the argument."""
    assert bind(_ACTION, "GET", "User_ID=0x10", RequestUri("http", "h", "/")) == 16
