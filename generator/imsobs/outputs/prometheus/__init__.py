"""Plans of Prometheus: configuration, rules, and their promtool tests."""
