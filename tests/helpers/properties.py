"""Settings for property tests: the same examples in every run, and no deadline."""

from hypothesis import HealthCheck, settings

repeatable = settings(
    database=None,
    deadline=None,
    derandomize=True,
    max_examples=100,
    # All examples of a test share one store; each uses its own session ids.
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
