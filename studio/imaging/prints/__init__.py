"""Artwork as pixels, and its way onto the surface of a blank."""
