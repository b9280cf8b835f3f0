"""What is done to a photo: pure and typed. No Ray, no network, no database."""
