"""Checks measure, the policy decides."""
