"""Tests under load."""
