"""What ``serve --demo`` puts into an empty store."""

from app.host.actions import CHARGE_PROCESS
from app.store.store import Store, Stored
from schemas.charge_process import ChargeProcess

# The sample of the documented contract: the n-th member has the value n.
_SAMPLE: dict[str, object] = {
    "process_id": 1,
    "active": True,
    "charge_complete": True,
    "payment_complete": True,
    "station_name": "sample string 5",
    "socket_name": "sample string 6",
    "socket_type": "sample string 7",
    "socket_kwh": "sample string 8",
    "start_date": "2025-12-06T07:19:38.3037942+03:00",
    "end_date": "2025-12-06T07:19:38.3037942+03:00",
    "start_percent": "11",
    "current_percent": "12",
    "end_percent": "13",
    "used_kwh": "14",
    "average_kwh": "15",
    "company_name": "sample string 16",
    "company_image": "sample string 17",
    "socket_image": "sample string 18",
    "price": "19",
    "price_unit": "sample string 20",
    "pricing": "21",
    "pricing_unit": "sample string 22",
}
_CHARGE: dict[str, object] = {
    "station_name": "Kadıköy İskele",
    "socket_name": "CCS-2 #3",
    "socket_type": "DC",
    "socket_kwh": "120 kWh",
    "start_percent": "18",
    "end_percent": "80",
    "average_kwh": "61.5",
    "company_name": "Park & Şarj",
    "company_image": "https://cdn.example.com/company/7.png",
    "socket_image": "https://cdn.example.com/socket/dc.png",
    "price_unit": "TRY",
    "pricing": "8.99",
    "pricing_unit": "TRY/kWh",
}
_IN_PROGRESS: dict[str, object] = {
    **_CHARGE,
    "process_id": 2,
    "active": True,
    "charge_complete": False,
    "payment_complete": False,
    "start_date": "2025-12-06T10:02:11.48+03:00",
    "end_date": None,
    "current_percent": "47.5",
    "used_kwh": "21.304",
    "price": "191.52",
}
_FINISHED: dict[str, object] = {
    **_IN_PROGRESS,
    "process_id": 3,
    "active": False,
    "charge_complete": True,
    "payment_complete": True,
    "end_date": "2025-12-06T10:41:57.0931244+03:00",
    "current_percent": "80",
    "used_kwh": "44.910",
    "price": "403.74",
}
_UNPAID: dict[str, object] = {**_FINISHED, "process_id": 4, "payment_complete": False}


def processes() -> list[Stored]:
    """Return the sample as user 1, and a charge in progress, a finished and an unpaid one."""
    values = (_SAMPLE, _IN_PROGRESS, _FINISHED, _UNPAID)
    return [(user, *ChargeProcess.row(value)) for user, value in enumerate(values, 1)]


def fill(store: Store) -> bool:
    """Fill an empty store and return whether it was empty; a store with values is not changed."""
    store.prepare()
    empty = store.count(CHARGE_PROCESS) == 0
    if empty:
        store.replace(CHARGE_PROCESS, processes())
    return empty


def is_shown_by(store: Store) -> bool:
    """Whether the store answers with all examples: a store of other processes doesn't."""
    return all(store.latest(CHARGE_PROCESS, user) == tuple(row) for user, *row in processes())


def hints(root: str, examples: bool, help_page: bool) -> str:
    """Return what to try first, a line each.

    Args:
        root: scheme, host and base path of the service, without a slash at the end.
        examples: whether the store answers with the examples.
        help_page: whether the help page is served.
    """
    url = f"{root}/ChargeProcess/Status?user_id"
    lines = [f"Open {root}/Help in a browser."] if help_page else []
    if examples:
        lines += [
            "Users: 1 the documented sample, 2 charging, 3 finished, 4 finished and unpaid. Try:",
            f"  curl '{url}=1'",
            f"  curl -H 'Accept: application/xml' '{url}=2'",
        ]
    return "\n".join(lines)
