"""Hypothesis measures no time: a busy machine is no failure."""

from hypothesis import settings

settings.register_profile("packshot", deadline=None)
settings.load_profile("packshot")
