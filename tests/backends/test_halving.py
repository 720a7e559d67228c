from tests.backends.contract import BackendContract


class TestHalving(BackendContract):
    backend = "halving"
    limit_shapes_sizes = True
