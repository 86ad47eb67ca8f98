"""Native binaries: found on PATH, or built once from pinned Go modules."""
