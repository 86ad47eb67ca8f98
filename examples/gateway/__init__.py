"""A small, honest IMS Core: an LLM gateway that knows nothing about observability.

It imports no telemetry library. What there is to know about it, it says with the
standard library's `logging`, in the words of the spec's event contract.
"""
