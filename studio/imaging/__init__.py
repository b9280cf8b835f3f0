"""Pure functions on pixel arrays."""
