"""Configurations for what stands around the service: nginx in front, systemd below."""
