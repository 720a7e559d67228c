"""Settings of the whole test suite."""

from hypothesis import HealthCheck, settings

from search.training import runtime

pytest_plugins = ["tests.browser"]

# examples are drawn anew by seed, not by clock: a failure here is a failure everywhere
settings.register_profile(
    "suite",
    deadline=None,
    derandomize=True,
    max_examples=50,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.load_profile("suite")


def pytest_configure() -> None:
    """Have TensorFlow find its settings, whichever test imports it first."""
    runtime.quieten()
