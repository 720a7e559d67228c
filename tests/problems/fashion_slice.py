"""Fashion-MNIST, but few images: the real problem at a size for tests."""

from dataclasses import replace
from pathlib import Path

from search import Data, Part
from spaces.fashion import PROBLEM as WHOLE


def load(data_dir: Path | None) -> Data:
    data = WHOLE.load(data_dir)
    return replace(
        data,
        train=Part(data.train.x[:1500], data.train.y[:1500]),
        validation=Part(data.validation.x[:500], data.validation.y[:500]),
        test=Part(data.test.x[:500], data.test.y[:500]),
    )


PROBLEM = replace(WHOLE, name="fashion_slice", load=load)
