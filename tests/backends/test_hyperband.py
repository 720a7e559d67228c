from tests.backends.contract import BackendContract


class TestHyperband(BackendContract):
    backend = "hyperband"
    limit_shapes_sizes = True
