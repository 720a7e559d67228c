"""TensorFlow as every trial finds it: one thread, quiet, seeded."""

import logging
import os


def prepare(threads: int = 1) -> None:
    """Import TensorFlow with `threads` threads and memory growth on GPUs; harmless when repeated.

    One thread makes equal runs equal bit for bit, and small models faster. Where TensorFlow
    is at work already in this process its thread count stays.
    """
    quieten()
    import tensorflow as tf

    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    try:
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(threads)
        for gpu in tf.config.list_physical_devices("GPU"):
            tf.config.experimental.set_memory_growth(gpu, True)
    except RuntimeError:
        # TensorFlow 2.21 refuses both once its runtime is up; an earlier call has set them
        return


def quieten() -> None:
    """Keep TensorFlow's start-up messages off the terminal; it reads this when it is imported."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")


def fresh(seed: int) -> None:
    """Forget earlier models and seed Python, NumPy and TensorFlow for what is built next."""
    import keras

    keras.backend.clear_session()
    keras.utils.set_random_seed(seed)
