"""The gateway as the original plan would have it: observability code inside the service.

Counters and histograms of prometheus_client for what the spec derives, JSON lines with
python-json-logger (trace ids, redaction), spans from the SDK, of which 10 % are kept.
"""
