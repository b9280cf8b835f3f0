"""Shops, PIMs and DAMs beside the service: their messages in, and the work that those make."""
