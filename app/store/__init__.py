"""Where processes are kept: tables drawn from the contracts."""
