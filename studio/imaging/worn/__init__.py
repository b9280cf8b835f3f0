"""Things on people: where they go, and what is in front of them."""
