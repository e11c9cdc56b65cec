"""The documents: the help page and the schemas, drawn from the contracts."""
