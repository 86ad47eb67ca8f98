"""Compile gitleaks' rules into the few expressions that the Collector and Promtail search with."""
