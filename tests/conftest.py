"""Hypothesis, on any machine."""

from hypothesis import settings

# A deadline would judge the machine: the first example of a test builds its models.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")
