"""The keys that the service adds to a request's WSGI environment."""

MATCH = "chargecloud.match"
"""The chosen formatter and its ranking: a ``negotiation.Match``."""
MATCHED = "chargecloud.matched"
"""The route: (``werkzeug.routing.Rule``, its arguments)."""
REQUEST_ID = "chargecloud.request_id"
"""The request's id: a text that is safe in a header and in a line of the log."""
