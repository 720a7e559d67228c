"""Pickle a problem that is defined in Python code, to send it to the processes that train."""

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
    """Pickled problem, sent to other processes and never written to disk.

    Two of them are equal if name and digest are.

    Attributes:
        name: Name of the problem.
        digest: Digest of its source; a resumed study requires the same digest.
        content: The pickle; None for a receiver that has it already.
    """

    name: str
    digest: str
    content: bytes | None = field(default=None, compare=False, repr=False)

    @property
    def word(self) -> str:
        """Word for the problem in the settings of a study."""
        return word_of(self.name)

    def without_content(self) -> "PickledProblem":
        """Return a copy without the pickle, for a process that has it already."""
        return replace(self, content=None)

    def opened(self) -> ResolvedProblem:
        """Unpickle the problem in this process.

        Raises:
            UsageError: Its code cannot be imported, or the pickle is missing.
        """
        if self.content is None:
            raise UsageError(f"The pickle of problem {self.name!r} is missing. Send it first.")
        tensorflow_setup.settle()  # before the problem's code imports TensorFlow
        try:
            problem, registered, keras = pickle.loads(self.content)
        except Exception as error:  # the user's code is imported here: anything may come
            raise UsageError(
                f"problem {self.name!r} cannot be imported in the process that trains: "
                f"{type(error).__name__}: {error}. Install the modules it imports there, or define "
                "it in the script or notebook itself."
            ) from error
        _register(registered)
        if keras is not None:
            keras.apply()
        return ResolvedProblem(self.word, problem, self.digest, ())


def pack(problem: Problem) -> PickledProblem:
    """Pickle a problem together with the caller's functions, classes and arrays that it uses.

    Objects defined in `__main__` are pickled by value, objects of importable modules by reference.
    The pickle includes Keras's configuration (dtype policy, floatx, ...).

    Raises:
        UsageError: An object cannot be pickled.
    """
    import cloudpickle

    keras = KerasConfiguration.noted()
    keras = None if keras is None else keras.portable()
    try:
        content = cloudpickle.dumps((problem, _registered(), keras))
    except Exception as error:  # objects of the user's pickle themselves: anything may come
        raise UsageError(
            f"problem {problem.name!r} cannot be pickled for the processes that train: "
            f"{type(error).__name__}: {error}. Create the object in question inside `load` or "
            "`build`."
        ) from error
    digest, configured = fingerprint.digest(problem), "" if keras is None else keras.described()
    if configured:  # with Keras's defaults, digests equal those of earlier versions
        digest = hashlib.sha256(f"{digest} {configured}".encode()).hexdigest()
    return PickledProblem(problem.name, digest, content)


def _registered() -> dict[str, Any]:
    """Return the objects that are registered with Keras and defined in `__main__`."""
    if "keras" not in sys.modules:
        return {}
    import keras

    return {
        name: value
        for name, value in keras.saving.get_custom_objects().items()
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
