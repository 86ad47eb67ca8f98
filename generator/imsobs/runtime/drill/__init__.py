"""Fire drill: make alerts fire in a running stack and check that notifications arrive.

Real telemetry is sent to the Collector; Alertmanager sends real notifications to a local web hook.
"""
