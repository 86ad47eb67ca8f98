"""Fire drill: make alerts true in a running stack and see that someone is told.

Real telemetry goes in at the Collector, a real notification comes out of Alertmanager.
"""
