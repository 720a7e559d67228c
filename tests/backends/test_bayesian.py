from tests.backends.contract import BackendContract


class TestBayesian(BackendContract):
    backend = "bayesian"
    unlimited_steps = 70  # a proposal takes a Gaussian process a tenth of a second
