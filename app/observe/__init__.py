"""What operators see of the service: its log, its health, its metrics."""
