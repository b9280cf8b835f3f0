"""Pages of the console, a file for each: its routes in `router`, its place in the menu in `ENTRY`."""
