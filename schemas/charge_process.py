"""ChargeProcess: the only file that names its members."""

from schemas.clr import Boolean, DateTime, Decimal, Int32, String
from schemas.contract import Contract


class ChargeProcess(Contract):
    """The status of an electric-vehicle charge."""

    clr_namespace = "ChargeCloudAPI.Models"

    process_id = Int32(
        "The charge's number. A user's newest charge has the highest.", nullable=False
    )
    active = Boolean("Whether the vehicle is charging now.")
    charge_complete = Boolean("Whether charging has ended.")
    payment_complete = Boolean("Whether the charge is paid.")
    station_name = String("The charging station's name.")
    socket_name = String("The socket's name at its station.")
    socket_type = String("The socket's type, such as AC or DC.")
    socket_kwh = String("The socket's power, as a text to show, with its unit.")
    start_date = DateTime("When the charge began.")
    end_date = DateTime("When the charge ended; null while it goes on.")
    start_percent = Decimal("The battery's level at the start, in percent.")
    current_percent = Decimal("The battery's level when the status was last updated, in percent.")
    end_percent = Decimal("The battery's level at which the charge is to end, in percent.")
    used_kwh = Decimal("The energy charged so far, in kWh.")
    average_kwh = Decimal("The average of the energy charged, in kWh.")
    company_name = String("The name of the company that operates the station.")
    company_image = String("The address of the company's picture.")
    socket_image = String("The address of the socket's picture.")
    price = Decimal("The cost of the charge so far, in price_unit.")
    price_unit = String("The currency of price.")
    pricing = Decimal("The tariff, in pricing_unit.")
    pricing_unit = String("The unit of pricing, such as TRY/kWh.")
