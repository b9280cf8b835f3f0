"""Measured claims, each runnable as `python -m benchmarks.<name>`."""
