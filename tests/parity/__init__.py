"""Tests of the parity kit."""
