"""The rules of a study: choices of the platform that change what an unfinished study computes.

The header of a study records the number of its rules; a header without one has rules 1. A study is
trained to its end by the rules it was started with where they are still known here.
"""

from dataclasses import dataclass

from search.errors import StudyChangedError

LATEST_RULES = 2


@dataclass(frozen=True, slots=True)
class TrainingRules:
    """The meaning of the number of a study's rules for the training of its trials.

    `evaluation_batch_size`: rows in a batch of the evaluation, for every model; None: the
    trial's batch size, or more rows where the result is the same. `seeds_each_epoch`: whether the
    generators of Python, NumPy, TensorFlow and Keras are seeded before each epoch, rather than once
    when the model is built. `keeps_keras_configuration`: whether `build` finds Keras's dtype policy
    and other settings as the problem's file has left them. `numbers_epochs_in_fit`: whether a `fit`
    of a problem gets `initial_epoch` and `epochs`, rather than one epoch as number 1.
    """

    evaluation_batch_size: int | None = None
    seeds_each_epoch: bool = True
    keeps_keras_configuration: bool = True
    numbers_epochs_in_fit: bool = True


LATEST = TrainingRules()
_TRAINING = {
    1: TrainingRules(
        1000,
        seeds_each_epoch=False,
        keeps_keras_configuration=False,
        numbers_epochs_in_fit=False,
    ),
    LATEST_RULES: LATEST,
}


def training_rules(number: int) -> TrainingRules:
    """Return what the rules of a study mean for the training of its trials.

    Raises: StudyChangedError for rules that this version does not know.
    """
    if not are_known(number):
        raise StudyChangedError(
            f"the study follows rules {number} for the training of its trials, and this version "
            f"knows {min(_TRAINING)} to {max(_TRAINING)}. Resume it with the version that started "
            "it, or with --adopt, which keeps every result and trains by the rules of this version"
        )
    return _TRAINING[number]


def are_known(number: int) -> bool:
    """Whether this version can train by the rules with this number."""
    return number in _TRAINING
