"""Way in 2: single items over HTTP."""
