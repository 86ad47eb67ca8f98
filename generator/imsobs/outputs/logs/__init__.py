"""Plans of the log stores."""
