"""The spec: its text, its shape, and the places of its keys."""
