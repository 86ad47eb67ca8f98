"""Plans of what the service is started with."""
