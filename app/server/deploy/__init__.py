"""Configurations to deploy the service: nginx, systemd and containers."""
