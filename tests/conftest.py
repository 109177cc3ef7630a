"""What holds for all tests."""

from hypothesis import settings

# A deadline would judge the machine: the first example of a test builds its models.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")

# Runs pytest within a test, for what we add to it.
pytest_plugins = ["pytester"]
