"""A problem given from Python: it lies in no file, and travels by value to where it is trained."""

import hashlib
import pickle
import sys
from dataclasses import dataclass, field, replace
from typing import Any

from search.errors import UsageError
from search.problem import fingerprint
from search.problem.loading import ResolvedProblem, word_of
from search.problem.problem import Problem
from search.runtime import tensorflow_setup
from search.runtime.keras_configuration import KerasConfiguration


@dataclass(frozen=True, slots=True)
class PickledProblem:
    """A problem in a form that can be sent; it is never written to disk.

    `digest`: over its source, what a study is held to. `content`: the pickled problem; None where
    whoever gets it has it already. Two are equal when their digests are.
    """

    name: str
    digest: str
    content: bytes | None = field(default=None, compare=False, repr=False)

    @property
    def word(self) -> str:
        """What stands for the problem in a study's settings."""
        return word_of(self.name)

    def without_content(self) -> "PickledProblem":
        """The same for a process that has been given the content before."""
        return replace(self, content=None)

    def opened(self) -> ResolvedProblem:
        """The problem in this process; TensorFlow, if its code imports it, finds its settings.

        Raises: UsageError where its code cannot be imported, or the content is missing.
        """
        if self.content is None:
            raise UsageError(f"problem {self.name!r} must come with its content; send it whole")
        tensorflow_setup.settle()
        try:
            problem, registered, keras = pickle.loads(self.content)
        except Exception as error:  # the user's code is imported here: anything may come
            raise UsageError(
                f"problem {self.name!r} must be importable where it is trained, got "
                f"{type(error).__name__}: {error}; install what it imports there, or define it in "
                "the script or notebook itself"
            ) from error
        _register(registered)
        if keras is not None:
            keras.apply()
        return ResolvedProblem(self.word, problem, self.digest, ())


def pack(problem: Problem) -> PickledProblem:
    """A problem by value: with the functions, classes and arrays of the caller's that it names.

    What `__main__` defines travels itself, what modules define by its name. Keras's configuration
    travels too: dtype policy, floatx and the like.

    Raises: UsageError for what cannot travel.
    """
    import cloudpickle

    keras = KerasConfiguration.noted()
    keras = None if keras is None else keras.portable()
    try:
        content = cloudpickle.dumps((problem, _registered(), keras))
    except Exception as error:  # objects of the user's pickle themselves: anything may come
        raise UsageError(
            f"problem {problem.name!r} must be able to travel to the processes that train, got "
            f"{type(error).__name__}: {error}; make what cannot inside `load` or `build`"
        ) from error
    digest, configured = fingerprint.digest(problem), "" if keras is None else keras.described()
    if configured:  # the digest of a problem without is what it always was
        digest = hashlib.sha256(f"{digest} {configured}".encode()).hexdigest()
    return PickledProblem(problem.name, digest, content)


def _registered() -> dict[str, Any]:
    """What the caller has registered with Keras and only `__main__` defines: it is sent along."""
    if "keras" not in sys.modules:
        return {}
    import keras

    known = keras.saving.get_custom_objects()
    return {
        name: value
        for name, value in known.items()
        if isinstance(name, str) and getattr(value, "__module__", None) == "__main__"
    }


def _register(objects: dict[str, Any]) -> None:
    if not objects:
        return
    import keras

    for name, value in objects.items():
        if name not in keras.saving.get_custom_objects():
            package, _, own = name.rpartition(">")
            keras.saving.register_keras_serializable(package or "Custom", own)(value)
