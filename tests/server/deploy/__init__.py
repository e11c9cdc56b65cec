"""Tests of app.server.deploy."""
