"""Whole runs in one process and real servers on loopback; no Ray."""
