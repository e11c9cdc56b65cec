"""Imports and exports: files of processes into the store and out of it."""
