"""Benchmarks: one command per table, results in docs/reference/benchmarks.

Nothing here runs in tests; ``python -m bench.overhead`` and so on, all of them by ``make bench``.
"""
