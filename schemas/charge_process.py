"""ChargeProcess: the only file that names its members."""

from schemas.clr import Boolean, DateTime, Decimal, Int32, String
from schemas.contract import Contract


class ChargeProcess(Contract):
    """The status of an electric-vehicle charge."""

    clr_namespace = "ChargeCloudAPI.Models"

    process_id = Int32(nullable=False)
    active = Boolean()
    charge_complete = Boolean()
    payment_complete = Boolean()
    station_name = String()
    socket_name = String()
    socket_type = String()
    socket_kwh = String()
    start_date = DateTime()
    end_date = DateTime()
    start_percent = Decimal()
    current_percent = Decimal()
    end_percent = Decimal()
    used_kwh = Decimal()
    average_kwh = Decimal()
    company_name = String()
    company_image = String()
    socket_image = String()
    price = Decimal()
    price_unit = String()
    pricing = Decimal()
    pricing_unit = String()
