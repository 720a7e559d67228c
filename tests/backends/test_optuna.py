from tests.backends.contract import BackendContract


class TestOptuna(BackendContract):
    backend = "optuna"
    finds_all = False  # TPE repeats itself on small spaces: after 100 redraws the study ends
