"""More than one Collector: what is counted, kept and lost, and what it costs."""
