"""Alerts: taken from Alertmanager, told to people, kept for the console."""
