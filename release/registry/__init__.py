"""Collect the names of the outside world that a spec is held against."""
