"""Plans of the trace store."""
