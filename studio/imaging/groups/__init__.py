"""Several products at one scale on one ground."""
