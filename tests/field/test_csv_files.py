"""CSV files as everybody has them: separators, gaps, saved indexes, running numbers."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from search.data.from_arrays import csv_part, frame_part
from search.errors import DataError, SearchWarning

N = 40
RNG = np.random.default_rng(0)
FRAME = pd.DataFrame({"a": RNG.normal(size=N), "hp": RNG.random(N) * 90, "label": np.arange(N) % 2})


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "table.csv"


@pytest.mark.parametrize("separator", [";", "\t", "|", ",", "  "])
def test_a_separator_is_found(file: Path, separator: str) -> None:
    if separator == "  ":
        file.write_text(FRAME.to_string(index=False))
    else:
        FRAME.to_csv(file, sep=separator, index=False)
    found = csv_part(file, "label")
    assert found.x.shape == (N, 2)
    np.testing.assert_allclose(found.x, FRAME[["a", "hp"]], rtol=1e-4)


@pytest.mark.parametrize("separator", [";", "\t"])
def test_decimal_commas_are_numbers(file: Path, separator: str) -> None:
    FRAME.to_csv(file, sep=separator, decimal=",", index=False)
    np.testing.assert_allclose(csv_part(file, "label").x, FRAME[["a", "hp"]], rtol=1e-5)


def test_a_quoted_comma_is_no_number_and_is_named(file: Path) -> None:
    file.write_text('a,label\n1.5,0\n"2,5",1\n3.5,0\n')
    with pytest.raises(DataError, match=r"'a' must contain numbers, .*'2,5' in 1 of 3 .*line 3"):
        csv_part(file, "label")


@pytest.mark.parametrize("mark", ["?", "-", "missing", "NULL?"])
def test_a_mark_for_missing_is_named_with_column_and_line(file: Path, mark: str) -> None:
    rows = [f"{i * 0.1},{mark if i in (3, 9) else i},{i % 2}\n" for i in range(N)]
    file.write_text("a,hp,label\n" + "\n".join(rows))  # with blank lines
    with pytest.raises(DataError) as caught:
        csv_part(file, "label")
    said = str(caught.value)
    assert f"column 'hp' must contain numbers, but is str with {mark!r} in 2 of 40 rows" in said
    assert "first in line 8" in said


def test_an_empty_cell_is_named_with_column_and_line(file: Path) -> None:
    holed = FRAME.copy()
    holed.loc[[7, 9], "hp"] = np.nan
    holed.to_csv(file, index=False, na_rep="NA")
    with pytest.warns(SearchWarning, match=r"column 'hp' has no value in 2 of 40 .* line 9"):
        found = csv_part(file, "label")
    assert np.isnan(found.x[7, 1])
    assert found.columns == {"x": ("a", "hp")}
    holed.loc[3, "label"] = np.nan
    holed["label"] = holed["label"].map({0.0: "no", 1.0: "yes"})
    holed.to_csv(file, index=False)
    with pytest.raises(DataError, match=r"column 'label' has no label in 1 .* line 5"):
        csv_part(file, "label", {"x": ["a"]})


def test_a_last_separator_makes_no_column(file: Path) -> None:
    lines = FRAME.to_csv(index=False).splitlines()
    file.write_text("\n".join(f"{line}," for line in lines))
    with pytest.warns(SearchWarning, match="'Unnamed: 3' is empty and is left out"):
        assert csv_part(file, "label").x.shape == (N, 2)
    FRAME.assign(notes=np.nan).to_csv(file, index=False)
    with pytest.raises(DataError, match="column 'notes' is empty"):
        csv_part(file, "label")


@pytest.mark.parametrize("order", ["as it was", "shuffled", "saved twice", "a part"])
def test_a_saved_index_is_left_out(file: Path, order: str) -> None:
    frame = FRAME if order != "shuffled" else FRAME.sample(frac=1, random_state=1)
    frame = frame[::3] if order == "a part" else frame
    frame.to_csv(file)
    if order == "saved twice":
        pd.read_csv(file).to_csv(file)
    with pytest.warns(SearchWarning, match="Unnamed: 0.* is left out") as remarks:
        found = csv_part(file, "label")
    assert found.x.shape[1] == 2
    assert len(remarks) == (2 if order == "saved twice" else 1)
    np.testing.assert_allclose(found.x, frame[["a", "hp"]], rtol=1e-5)


def test_a_running_number_is_named(file: Path) -> None:
    for numbers in (np.arange(N) + 1, np.arange(N) * 7 + 1000):
        FRAME.assign(id=numbers).to_csv(file, index=False)
        with pytest.warns(SearchWarning, match="column 'id' numbers the rows from line 2 on"):
            assert csv_part(file, "label").x.shape[1] == 3
        csv_part(file, "label", {"x": ["a", "hp", "id"]})  # asked for: no word


def test_names_without_rows_are_refused(file: Path) -> None:
    file.write_text("a,hp,label\n")
    with pytest.raises(DataError, match=r"table.csv: the table has column names but no rows"):
        csv_part(file, "label")
    with pytest.raises(DataError, match="no rows"):
        frame_part(FRAME[:0], "label")


def test_an_unknown_target_is_still_named(file: Path) -> None:
    FRAME.to_csv(file, index=False)
    with pytest.raises(DataError, match="unknown column 'labl'; did you mean 'label'"):
        csv_part(file, "labl")
