"""Benchmarks: one command per table, results in docs/reference/benchmarks.

Nothing here runs in tests; ``python -m bench.overhead`` and so on, see bench/README.md.
"""
