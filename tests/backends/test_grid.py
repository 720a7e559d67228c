from tests.backends.contract import BackendContract


class TestGrid(BackendContract):
    backend = "grid"
