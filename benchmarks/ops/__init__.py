"""Benchmarks of operations: `make bench-ops`."""
