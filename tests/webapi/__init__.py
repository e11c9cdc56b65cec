"""Tests of app/webapi."""
