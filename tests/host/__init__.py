"""Tests of app/host."""
