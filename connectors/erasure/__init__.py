"""Erasing a product, a person's picture or an order: what is theirs, what others share, and how it goes for good."""
