"""Configuration of all tests."""

from hypothesis import settings

# The first example of a test builds its models, so a deadline would depend on the machine.
settings.register_profile("no-deadline", deadline=None)
settings.load_profile("no-deadline")

# Runs pytest within a test, to test the plugin of this project.
pytest_plugins = ["pytester"]
