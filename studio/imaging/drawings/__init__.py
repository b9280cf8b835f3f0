"""Measures, labels, crops and things of known size."""
