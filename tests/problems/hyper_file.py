"""A problem file that is a hypermodel: what a KerasTuner user writes to have it searched."""

from search.hypermodel import from_hypermodel
from tests.problems.hypermodels import Fitting, load

PROBLEM = from_hypermodel(Fitting(), load, "val_accuracy", name="fitting", max_epochs=2)
