"""The only place where weights are loaded."""
