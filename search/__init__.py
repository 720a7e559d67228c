"""Hyperparameter search for Keras: one space, every strategy, nothing lost, an honest winner."""

from search.objective import Objective
from search.parameters import Choice, Float, Int
from search.problem import Data, Part, Problem
from search.space import Space

__all__ = ["Choice", "Data", "Float", "Int", "Objective", "Part", "Problem", "Space"]
__version__ = "0.1.0"
