"""What is installed beside the instrumentation of a service.

`opentelemetry-instrument` finds it by its entry points (`entry`); a service imports nothing.

stopping     telemetry that waits is sent before the process ends, in bounded time
processes    which of a service's processes is which, and a forked one made itself
failures     a failure that left its request behind is brought back to it
sparing      work of the SDK that changes nothing is not done: of `measurements`, log `records`, and
             spans (`tracers`, `spans`, `running`)
settings     what the SDK's configuration file says of how much is needed
trace_ids    trace ids in the log records that standard output shows
sdk          what of the SDK these need and has no public name
"""
