"""Tests of app/docs."""
