"""Compile one observability spec into Collector, Prometheus, Grafana and stack configuration."""
