import subprocess
import sys

CODE = """
import sys
from search.runtime import tensorflow_setup
tensorflow_setup.settle()
import keras
seldom = {"sklearn", "matplotlib.figure"} & set(sys.modules)
assert not seldom, seldom
from sklearn.utils.validation import check_is_fitted
import matplotlib.pyplot as plt
wrapper = keras.wrappers.SKLearnClassifier(lambda x, y: None)
assert wrapper.get_params()["warm_start"] is False
assert plt.subplots()[1].get_title() == ""
"""


def test_keras_comes_without_what_few_use_and_brings_it_when_touched():
    environment = {"MPLBACKEND": "Agg"}
    done = subprocess.run(
        [sys.executable, "-c", CODE], capture_output=True, text=True, env=environment
    )
    assert done.returncode == 0, done.stderr
