"""Monitoring: what is counted, how it is read and drawn, when somebody is told, and traces from the request to the asset."""
