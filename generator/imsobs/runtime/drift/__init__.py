"""Drift: what runs against what is rendered, as each component tells it itself."""
