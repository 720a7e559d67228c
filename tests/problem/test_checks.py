"""Mistakes that a user would make first: each is told where it was made, in the user's words."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import search
from search import Choice, Data, Float, Int, Objective, Part, Problem, Space
from search.cli.main import main
from search.data.from_arrays import frame_part
from search.errors import DataError, SpaceError, UsageError
from search.estimator import SearchCV
from search.kerastuner.hypermodel import from_hypermodel

X, Y = np.zeros((20, 3), "float32"), np.arange(20) % 2
PART = Part(X, Y)


def build(params):
    raise NotImplementedError


PROBLEM = Problem(
    "line",
    Space(Int("units", 1, 4)),
    Objective("val_loss", "min"),
    lambda _: Data(PART, PART),
    build,
)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"space": {"units": (1, 4)}}, r"space must be a Space, not a dict\. Write Space\(Int"),
        ({"objective": "val_loss"}, "objective must be an Objective, not 'val_loss'. Write Obj"),
        (
            {"load": Data(PART, PART)},
            r"load must be a function of \(data_dir\), not a Data\. Write",
        ),
        ({"load": lambda: None}, r"load must take \(data_dir\), but is <lambda>\(\)\. Change"),
        ({"build": lambda: None}, r"build must take \(params\), but is <lambda>\(\)\. Change"),
        (
            {"statistics": lambda part: 0},
            r"build must take \(params, statistics\), but is build\(par",
        ),
        ({"callbacks": []}, r"callbacks must be a function of \(params\), not a list\. Write def"),
        (
            {"fit": lambda model, data: {}},
            r"fit must take \(params, model, data, callbacks\), but is",
        ),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_a_problem_is_made_of_what_it_says(changed, said):
    with pytest.raises(UsageError, match=said):
        replace(PROBLEM, **changed)


def test_parameters_follow_one_another():
    with pytest.raises(
        SpaceError, match=r"must be Int, Float or Choice, not list\. Write Space\(Int"
    ):
        Space([Int("units", 1, 4), Float("rate", 0.1, 1.0)])


@pytest.mark.parametrize("given", [(X, Y), pd.DataFrame(X)], ids=["tuple", "frame"])
def test_data_are_made_of_parts(given):
    with pytest.raises(UsageError, match=r"Data's train must be a Part, not a .*Part\(x, y\)"):
        Data(given, PART)


@pytest.mark.parametrize(
    ("loaded", "kind", "said"),
    [
        (lambda _: (PART, PART), UsageError, "the result of load must be a Data, not a tuple"),
        (
            lambda _: np.load("none.npy"),
            DataError,
            "problem line: FileNotFoundError: .*none.npy",
        ),
    ],
    ids=["tuple", "no file"],
)
def test_what_load_gives_is_looked_at(loaded, kind, said, tmp_path):
    with pytest.raises(kind, match=said):
        tuned(replace(PROBLEM, load=loaded), tmp_path)


@pytest.mark.parametrize("given", [build, Problem, None], ids=["function", "class", "none"])
def test_only_a_problem_can_be_tuned(given, tmp_path):
    with pytest.raises(UsageError, match=r"problem must be a Problem, not .*\. Write Problem"):
        tuned(given, tmp_path)


def tuned(problem, store, narrow=None):
    here = {"workers": 0, "store": store, "quiet": True, "mlflow": False, "narrow": narrow}
    return search.tune(problem, backend="randomized", trials=1, **here)


def test_a_parameter_that_the_space_has_not_ends_the_study_with_the_nearest(tmp_path):
    def asks(params):
        return params["unit"]

    with pytest.raises(UsageError, match="unknown parameter 'unit'; did you mean 'units'"):
        tuned(replace(PROBLEM, build=asks), tmp_path)


def test_a_parameter_that_is_not_active_fails_its_trial_with_what_to_do(tmp_path):
    def asks(params):
        return params["rate"]

    space = Space(Choice("kind", ("plain", "decay")), Float("rate", 0, 1, when={"kind": "decay"}))
    study = tuned(replace(PROBLEM, space=space, build=asks), tmp_path, {"kind": "plain"})
    with pytest.raises(search.errors.SearchError, match=r"write params.get\('rate'\)"):
        _ = study.best


def test_an_error_of_the_platform_in_a_file_keeps_its_words(tmp_path, capsys):
    file = tmp_path / "mine.py"
    file.write_text("from search import Objective\nGOAL = Objective('val_loss', 'minimize')\n")
    assert main(["run", str(file), "--store", str(tmp_path)]) == 2
    said = capsys.readouterr().err
    assert f"{file}, line 2: objective val_loss: direction must be 'max' or 'min'" in said


def test_searchcv_names_what_it_was_not_given():
    space = Space(Int("units", 1, 4))
    with pytest.raises(UsageError, match="unknown task 'classify'; did you mean 'classification'"):
        SearchCV(lambda params, facts: None, space, task="classify").fit(X, Y)
    with pytest.raises(
        UsageError, match=r"build must take \(params, facts\), but is build\(params\)"
    ):
        SearchCV(build, space).fit(X, Y)
    with pytest.raises(UsageError, match="space must be a Space, not a dict"):
        SearchCV(lambda params, facts: None, {"units": [1, 2]}).fit(X, Y)


def test_a_model_is_no_hypermodel():
    import keras

    with pytest.raises(UsageError, match=r"build must be a function of \(hp\), not a Sequential"):
        from_hypermodel(keras.Sequential(), Data(PART, PART), "val_loss", name="mine")


def test_a_target_is_no_input():
    frame = pd.DataFrame({"age": [1.0, 2.0], "buys": [0, 1]})
    with pytest.raises(DataError, match="'buys' is the target and must not be an input"):
        frame_part(frame, "buys", inputs={"all": ["age", "buys"]})
    with pytest.raises(UsageError, match="inputs must map the model's inputs to columns, not"):
        frame_part(frame, "buys", inputs=["age"])
