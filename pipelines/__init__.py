"""Way in 1: whole catalogues."""
