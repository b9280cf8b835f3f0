"""Strict stand-ins for vendors that cannot run here."""
