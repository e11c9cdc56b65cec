"""Web API's rules hosted in Flask: the application, the actions, responses, errors, access."""
