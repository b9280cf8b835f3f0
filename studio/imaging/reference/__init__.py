"""What is read from a reference picture, and what follows from it."""
