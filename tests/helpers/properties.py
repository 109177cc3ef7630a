"""Settings for property tests: the same examples in every run, and no clock over them."""

from hypothesis import HealthCheck, settings

repeatable = settings(
    database=None,
    deadline=None,
    derandomize=True,
    max_examples=100,
    # A store is made once for all examples of a test; each example uses sessions of its own.
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
