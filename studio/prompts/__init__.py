"""Prompt building: product + template -> prompt, per model dialect."""
