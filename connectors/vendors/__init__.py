"""Shops, PIMs and DAMs: a folder each, with the same rooms in it (client, source, gallery, hooks)."""
