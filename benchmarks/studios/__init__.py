"""Benchmarks of the studios: exactness on ground truth, and time by step."""
