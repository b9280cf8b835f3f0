"""One file a studio: an ordered list of steps."""
