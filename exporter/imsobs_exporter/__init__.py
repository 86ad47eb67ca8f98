"""An OTLP exporter of spans and log records that encodes straight to the wire format.

The SDK finds it by its entry points, under the name `imsobs_otlp_http`.

wire        protobuf's wire format, and OTLP's values in it
attributes  lists of attributes; those that come again are encoded once
spans       a span
records     a log record
batches     a batch: items by resource and scope, in a request
transport   how an encoded request gets into the official exporter, which sends it
exporters   what the SDK calls
versions    with which versions all this was tested
"""
