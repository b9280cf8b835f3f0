"""Where it runs: settings, profiles, the renderer and its Ray hosts."""
