"""Tests of app.deploy."""
