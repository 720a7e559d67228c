"""California housing, MNIST, iris and XOR: their sources, their tables, what a failure says."""

import hashlib
import io
import os
import tarfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from search.datasets import base, california_housing, iris, mnist, xor
from search.errors import DataError
from search.runtime.environment import Environment
from tests.problem_data import housing_table, mnist_archive
from tests.web import nobody_there, serving

NAME = california_housing.NAME
TABLE = housing_table()
HOUSING = {NAME: hashlib.sha256(TABLE).hexdigest()}
FIRST_ROW = b"-122.23,37.88,41,880,129,322,126,8.3252,452600"


@pytest.mark.parametrize("place", [".", "california-housing"])
def test_a_table_of_ones_own_is_taken_by_its_form(place: str, tmp_path: Path) -> None:
    (tmp_path / place).mkdir(exist_ok=True)
    (tmp_path / place / NAME).write_bytes(TABLE)
    data = california_housing.load(tmp_path)
    assert data.test is not None
    parts = (data.train, data.validation, data.test)
    assert [part.x.shape for part in parts] == [(36, 8), (12, 8), (16, 8)]
    assert {str(array.dtype) for part in parts for array in (part.x, part.y)} == {"float32"}
    described = california_housing.describe(tmp_path)
    assert any(status.available for status in described if status.name == "--data-dir")


def test_line_ends_make_no_difference() -> None:
    other = california_housing.data_from("unix", TABLE.replace(b"\r\n", b"\n"))
    assert base.digest(other) == base.digest(california_housing.data_from("dos", TABLE))


def test_columns_are_those_of_scikit_learn() -> None:
    data = california_housing.data_from("rows", b"\n".join([FIRST_ROW] * 8))
    expected = [8.3252, 41, 6.98412698, 1.02380952, 322, 2.55555556, 37.88, -122.23]
    np.testing.assert_allclose(data.train.x[0], expected, rtol=1e-6)
    np.testing.assert_allclose(data.train.y, 4.526, rtol=1e-6)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a,b", "mine must contain only numbers"),
        (b"1,2,3\n4,5,6", "mine must have 9 columns and at least 6 rows, not 3 and 2"),
        (b"\n".join([FIRST_ROW] * 5), "not 9 and 5"),
        (b"\n".join([FIRST_ROW] * 7 + [FIRST_ROW.replace(b"126", b"0")]), "mine, row 8: .*finite"),
        (b"\n".join([FIRST_ROW.replace(b"41", b"nan")] + [FIRST_ROW] * 7), "mine, row 1: .*finite"),
    ],
)
def test_what_is_not_the_table_is_refused_by_row(content: bytes, message: str) -> None:
    with pytest.raises(DataError, match=message):
        california_housing.data_from("mine", content)


def housing(home: Path) -> base.Supply:
    """The sources under a home of the test's own, which have the small table and no network."""
    return replace(california_housing.supply(home=home), files=HOUSING)


def test_scikit_learns_cache_gives_the_original_bytes(tmp_path: Path) -> None:
    import joblib

    table = np.loadtxt(io.BytesIO(TABLE), delimiter=",")
    (tmp_path / "scikit_learn_data").mkdir()
    kept = tmp_path / "scikit_learn_data" / "cal_housing_py3.pkz"
    joblib.dump(table[:, [8, 7, 2, 3, 4, 5, 6, 1, 0]], kept, compress=6)
    assert housing(tmp_path).obtain() == {NAME: TABLE}
    kept.unlink()
    assert housing(tmp_path).obtain() == {NAME: TABLE}, "it was copied to the platform's cache"


@pytest.mark.parametrize("content", [b"", b"no pickle", b"x\x9c\x03\x00"])
def test_a_damaged_cache_of_scikit_learns_is_a_reason(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "cal_housing_py3.pkz"
    path.write_bytes(content)
    source = california_housing.ScikitLearnCache("scikit-learn's cache", path)
    assert source.status(HOUSING).available
    with pytest.raises(base.SourceError, match="cal_housing_py3"):
        source.fetch(HOUSING, tmp_path)


def test_the_table_is_taken_out_of_scikit_learns_archive(tmp_path: Path) -> None:
    web, scratch = tmp_path / "web", tmp_path / "scratch"
    web.mkdir()
    scratch.mkdir()
    with tarfile.open(web / "5976036", "w:gz") as archive:
        about = tarfile.TarInfo(f"CaliforniaHousing/{NAME}")
        about.size = len(TABLE)
        archive.addfile(about, io.BytesIO(TABLE))
    (web / "broken").write_bytes(b"no archive")
    with serving(web) as address:
        member = f"CaliforniaHousing/{NAME}"
        source = california_housing.Archive("download", f"{address}5976036", member)
        assert base.read_verified(source.fetch(HOUSING, scratch), HOUSING) == {NAME: TABLE}
        for name, member, message in (
            ("5976036", "other", "cannot read other from the .tgz file"),
            ("broken", NAME, "from the .tgz file: not a gzip file"),
            ("none", NAME, "404"),
        ):
            with pytest.raises(base.SourceError, match=message):
                california_housing.Archive("download", address + name, member).fetch({}, scratch)


def test_the_real_table_is_known_by_its_rows(tmp_path: Path) -> None:
    """On the table that SEARCH_DATA_DIR has, as in CI; on a small one where it has none."""
    given = Environment.read(os.environ).data_dir
    real = given is not None and (given / "california-housing" / NAME).is_file()
    if not real:
        (tmp_path / NAME).write_bytes(TABLE)
    data = california_housing.load(given if real else tmp_path)
    rows = [part.size for part in (data.train, data.validation, data.test) if part is not None]
    assert rows == ([11_610, 3_870, 5_160] if real else [36, 12, 16])
    assert np.isfinite(data.train.x).all()


def images(home: Path, url: str) -> base.Supply:
    """MNIST's sources under a home of the test's own, with a small archive at this address."""
    found = mnist.supply(home=home)
    files = {mnist.NAME: hashlib.sha256(mnist_archive()).hexdigest()}
    folders = tuple(source for source in found.elsewhere if isinstance(source, base.Folder))
    return replace(
        found, files=files, elsewhere=(*folders, base.Download("Keras's download", url, suffix=""))
    )


def test_mnist_is_downloaded_from_where_keras_has_it_and_kept(tmp_path: Path) -> None:
    (tmp_path / "web").mkdir()
    (tmp_path / "web" / mnist.NAME).write_bytes(mnist_archive())
    with serving(tmp_path / "web") as address:
        found = images(tmp_path, address).obtain()[mnist.NAME]
    assert images(tmp_path, nobody_there()).obtain()[mnist.NAME] == found
    data = mnist.data_from(found, validation_count=20)
    assert data.test is not None
    assert (data.train.size, data.validation.size, data.test.size) == (60, 20, 80)
    assert data.train.y[0] == 0
    assert data.train.x.dtype == np.uint8


def test_mnist_is_found_in_keras_cache(tmp_path: Path) -> None:
    cache = tmp_path / ".keras" / "datasets"
    cache.mkdir(parents=True)
    (cache / mnist.NAME).write_bytes(mnist_archive())
    assert images(tmp_path, nobody_there()).obtain()[mnist.NAME] == mnist_archive()


def test_where_mnist_cannot_be_reached_every_source_is_named_and_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        images(tmp_path, nobody_there()).obtain()
    said = str(caught.value)
    for words in ("MNIST is not available", "cache: ", "Keras's cache: ", "Keras's download: "):
        assert words in said
    assert "--data-dir" in said
    assert "search run digits" in said


@pytest.mark.parametrize("content", [b"", b"text"])
def test_what_is_not_keras_archive_is_refused(content: bytes) -> None:
    with pytest.raises(DataError, match=r"mnist.npz must contain x_train"):
        mnist.data_from(content)


def test_iris_is_split_evenly() -> None:
    data = iris.load()
    assert data.test is not None
    for part, count in ((data.train, 30), (data.validation, 10), (data.test, 10)):
        assert np.bincount(part.y).tolist() == [count] * 3
    assert data.class_names == ("setosa", "versicolor", "virginica")


def test_xor_is_four_rows() -> None:
    data = xor.load()
    assert data.validation.x.tolist() == [[0, 0], [0, 1], [1, 0], [1, 1]]
    assert data.validation.y.tolist() == [0, 1, 1, 0]
    assert data.train.size == 4 * xor.REPEATS
