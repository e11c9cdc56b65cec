"""Random and damaged input."""
