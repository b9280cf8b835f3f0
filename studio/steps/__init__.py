"""One file a step; a step says what is done, never how many workers do it."""
