"""Figures of the connectors: shops that fail, processes that are killed, messages by the hundred a second."""
