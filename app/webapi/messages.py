"""Every text that an error carries on the wire; most are AspNetWebStack's (SRResources)."""

RESOURCE_NOT_FOUND = "No HTTP resource was found that matches the request URI '{uri}'."
NO_ROUTE_DATA = "No route data was found for this request."
CONTROLLER_NOT_FOUND = "No type was found that matches the controller named '{controller}'."
ACTION_NAME_NOT_FOUND = (
    "No action was found on the controller '{controller}' that matches the name '{action}'."
)
ACTION_NOT_FOUND = "No action was found on the controller '{controller}' that matches the request."
METHOD_NOT_SUPPORTED = "The requested resource does not support http method '{method}'."
BAD_REQUEST = "The request is invalid."
MISSING_PARAMETER = (
    "The parameters dictionary contains a null entry for parameter '{parameter}' of non-nullable"
    " type '{type}' for method '{method}' in '{controller}'. An optional parameter must be a"
    " reference type, a nullable type, or be declared as an optional parameter."
)
ERROR_OCCURRED = "An error has occurred."
AUTHORIZATION_DENIED = "Authorization has been denied for this request."

# http.sys's.
INVALID_HOSTNAME = "Bad Request - Invalid Hostname"
# This service's: the detail of a 404 for a user without a process, if NO_PROCESS is 404.
NO_VALUE = "The {0} has no {1}."
