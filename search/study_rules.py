"""The rules of a study: choices of the platform that change what an unfinished study computes.

The header of a study records the number of its rules; a header without one has rules 1. A study is
trained to its end by the rules it was started with where they are still known here.
"""

from dataclasses import dataclass

from search.errors import StudyChangedError

LATEST_RULES = 2


@dataclass(frozen=True, slots=True)
class TrainingRules:
    """What the number of a study's rules means for the training of its trials.

    `evaluation_batch_size`: rows in a batch of the evaluation, whatever the model is; None: the
    trial's batch size, or more rows where the result is the same. `seeds_each_epoch`: whether the
    generators of Python, NumPy, TensorFlow and Keras are seeded before each epoch, rather than once
    when the model is built. `numbers_epochs_in_fit`: whether a `fit` of the problem's own is given
    `initial_epoch` and `epochs`, rather than one epoch as number 1.
    """

    evaluation_batch_size: int | None = None
    seeds_each_epoch: bool = True
    numbers_epochs_in_fit: bool = True


LATEST = TrainingRules()
_TRAINING = {
    1: TrainingRules(1000, seeds_each_epoch=False, numbers_epochs_in_fit=False),
    LATEST_RULES: LATEST,
}


def training_rules(number: int) -> TrainingRules:
    """Return what the rules of a study mean for the training of its trials.

    Raises: StudyChangedError for rules that this version does not know.
    """
    if number not in _TRAINING:
        raise StudyChangedError(
            f"the study follows rules {number}, and this version knows {min(_TRAINING)} to "
            f"{max(_TRAINING)}. Resume it with the version that started it, or with --adopt"
        )
    return _TRAINING[number]
