"""Data of a problem: conversion of arrays, frames, CSV files and `tf.data` to parts.

May import: `runtime` and `space`.
"""

from typing import TYPE_CHECKING

from search._lazy_imports import lazy

if TYPE_CHECKING:
    from search.data.from_arrays import part, split
    from search.data.from_frames import csv_part, frame_part
    from search.data.from_tf_data import dataset_part
    from search.data.parts import Data, Part

__all__ = ["Data", "Part", "csv_part", "dataset_part", "frame_part", "part", "split"]

__getattr__, __dir__ = lazy(__name__, __file__)
