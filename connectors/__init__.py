"""Whom we talk to: catalogues, storage, records. No Ray, no torch."""
