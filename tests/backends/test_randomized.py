from tests.backends.contract import BackendContract


class TestRandomized(BackendContract):
    backend = "randomized"
