"""Hypothesis measures no time: a busy machine is no failure. `quick` is for `make test-unit`; `make test` and CI try all examples."""

from hypothesis import settings

settings.register_profile("packshot", deadline=None)
settings.register_profile("quick", deadline=None, max_examples=25)
settings.load_profile("packshot")
