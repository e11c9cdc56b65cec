"""Tests of app/store/transfer."""
