"""Dashboards without Grafana: their queries as Grafana would send them, and pictures of them.

Works on rendered dashboards/*.json, so that what is looked at and tested is what Grafana
loads. ``interpolate`` is shared with the tests that prove every panel.
"""
