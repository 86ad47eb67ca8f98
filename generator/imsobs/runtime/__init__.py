"""What operates a rendered stack: builds, processes, containers, checks of the real software."""
