"""Where product data comes from."""
