"""Plans of the reference pages and runbooks."""
