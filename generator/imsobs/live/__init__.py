"""Live pages of the dashboards on loopback, where no Grafana runs: `imsobs preview --serve`.

Reads only: from Prometheus, Jaeger, Alertmanager and the log records. Each panel is the drawing
of ``imsobs.preview``; what a page adds are the variables, the range, refreshing and links.
"""
