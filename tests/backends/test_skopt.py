from search.backends.base import BackendSettings
from tests.backends.contract import BackendContract


class TestSkopt(BackendContract):
    backend = "skopt"


class TestForest(BackendContract):
    backend = "skopt"
    settings = BackendSettings(max_epochs=9, sampler="forest")
