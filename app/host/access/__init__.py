"""Who has access: hosts, API keys, bearer tokens. All of it is off unless it is set."""
