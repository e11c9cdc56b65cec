"""The tests mirror the tree; recordings/ holds the captured truth."""
