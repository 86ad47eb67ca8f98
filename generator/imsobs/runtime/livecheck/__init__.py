"""Live check: what the running stack has seen of the spec, and what it has seen besides."""
