"""A configuration's model, built and seeded as in every process, with all its variables."""

import difflib
from typing import TYPE_CHECKING

from search.data.parts import Part
from search.errors import BuildError, unknown_name
from search.runtime import tensorflow_setup
from search.space.parameters import Params
from search.space.space import Space
from search.state import random_draws
from search.state.older_objects import variables_made
from search.state.variable_values import optimizer_of
from search.training import model_checks
from search.training.evaluation import is_stateful

if TYPE_CHECKING:
    import keras

    from search.training.model_run import TrainingContext


def build_model(
    place: "TrainingContext",
    batch: Part,
    space: Space,
    params: Params,
    seed: int,
    *,
    compiled: bool,
) -> tuple["keras.Model", frozenset[int]]:
    """The model of a configuration, seeded, with all its variables; `compiled`: it must be.

    With the identities of the objects in it that are older than it. `batch`: the examples of a
    batch; a model that is not built is called with them where it keeps a state for each, else with
    one.

    Raises: BuildError for what is no model, or one that is not compiled; UsageError for a variable
    that earlier builds have left.
    """
    import keras

    tensorflow_setup.fresh(seed, place.keras)
    if place.rules.seeds_each_epoch:
        random_draws.seed_keras(seed)
    place.older.restore()
    before = variables_made()
    try:
        model = place.build(params)
    except KeyError as error:
        raise _asked(error, space, params) from error
    if not isinstance(model, keras.Model):
        raise BuildError(f"build must return a keras.Model, got {model!r}; return the model")
    if compiled and not model.compiled:
        raise BuildError("build must return a compiled model; call model.compile(...) in it")
    if not model.built:
        model_checks.call(model, batch, batch.size if is_stateful(model) else 1)
    optimizer = optimizer_of(model)
    if optimizer is not None:
        optimizer.build(model.trainable_variables)
    return model, place.older.used_by(model, before)


def _asked(error: KeyError, space: Space, params: Params) -> Exception:
    """What an error of `build` amounts to that asks `params` for a name that is not there."""
    name = error.args[0] if error.args else None
    if not isinstance(name, str) or name in params:
        return error
    known = {node.name for node in space.nodes}
    if name in known:
        return LookupError(
            f"build asks for params[{name!r}], which this configuration does not have; ask for it "
            f"only where it is active, or write params.get({name!r})"
        )
    close = difflib.get_close_matches(name, [*known, *(p.name for p in space.parameters)], n=1)
    return unknown_name("parameter", name, known) if close else error
