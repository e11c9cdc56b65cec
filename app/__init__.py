"""chargecloud: an ASP.NET Web API 2 service, replaced byte for byte."""

import sys

if sys.version_info < (3, 11):  # noqa: UP036  for who runs a checkout without pip's own check
    sys.exit(f"chargecloud needs Python 3.11 or newer; this is {sys.version.split()[0]}")

__version__ = "1.1.0"
