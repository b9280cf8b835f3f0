"""Words and product in one picture: what is said, where it stands, in which colour."""
