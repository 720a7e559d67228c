from search.backends.base import BackendSettings
from tests.backends.contract import BackendContract


class TestHyperopt(BackendContract):
    backend = "hyperopt"


class TestAnneal(BackendContract):
    backend = "hyperopt"
    settings = BackendSettings(max_epochs=9, sampler="anneal")
