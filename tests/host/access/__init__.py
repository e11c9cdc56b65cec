"""Tests of app.host.access."""
