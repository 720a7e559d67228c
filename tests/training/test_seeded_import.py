"""A problem's file makes the same numbers at its top in every process, whatever it imports when."""

import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from search.engine.resolve import resolve
from search.study.config import StudyConfig

FILE = """
import random
import numpy as np
FIRST = random.random()
import keras
import tensorflow as tf
from search import *
SECOND = random.random(), np.random.normal()
LAYER = keras.layers.Dense(2)
LAYER.build((None, 3))
NOISE = keras.layers.GaussianNoise(1.0)
LOOSE = keras.random.normal((2,))
INITIALIZER = keras.initializers.HeNormal()
PLAIN = tf.random.normal((2,))
DRAWN = [
    FIRST, SECOND, LAYER.kernel.numpy().tolist(), NOISE.seed_generator.state.numpy().tolist(),
    LOOSE.numpy().tolist(), INITIALIZER.seed, PLAIN.numpy().tolist(),
]
PROBLEM = Problem(
    "drawn", Space(Float("rate", 0.1, 1.0)), Objective("val_loss", "min"), lambda _: None,
    lambda params: None, description=repr(DRAWN),
)
"""
SCRIPT = """
import sys
from search.study.config import StudyConfig
from search.engine.resolve import prepare
assert "keras" not in sys.modules
print(prepare(StudyConfig(sys.argv[1], seed=3)).problem.description)
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "drawn.py"
    path.write_text(FILE)
    return path


def drawn(file: Path, seed: int) -> str:
    return resolve(StudyConfig(str(file), seed=seed)).problem.description


def test_a_process_that_imports_keras_for_the_file_draws_the_same(file: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(file)], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == drawn(file, seed=3)


def test_what_was_drawn_before_makes_no_difference(file: Path) -> None:
    first = drawn(file, seed=3)
    random.random()
    np.random.normal()
    assert drawn(file, seed=3) == first
    assert drawn(file, seed=4) != first


def test_the_generators_of_the_process_go_on_where_they_were(file: Path) -> None:
    random.seed(1)
    np.random.seed(1)
    expected = random.random(), np.random.normal()
    random.seed(1)
    np.random.seed(1)
    drawn(file, seed=3)
    assert (random.random(), np.random.normal()) == expected
