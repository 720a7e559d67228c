"""Data sets: sources in order, checksums, the cache, and what a failure says."""

import gzip
import hashlib
import struct
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from search.data.parts import Data, Part
from search.datasets import base, digits, fashion_mnist
from search.errors import DataError, UsageError
from tests.web import nobody_there, serving


def idx_file(array: np.ndarray) -> bytes:
    header = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return header + array.astype(np.uint8).tobytes()


IMAGES = np.arange(6 * 2 * 2).reshape(6, 2, 2)
CONTENTS = {
    "train-images-idx3-ubyte": idx_file(IMAGES),
    "train-labels-idx1-ubyte": idx_file(np.array([3, 1, 4, 1, 5, 9])),
    "t10k-images-idx3-ubyte": idx_file(IMAGES[:2] + 100),
    "t10k-labels-idx1-ubyte": idx_file(np.array([2, 6])),
}
FILES = {name: hashlib.sha256(content).hexdigest() for name, content in CONTENTS.items()}
FIRST, LAST = next(iter(CONTENTS)), list(CONTENTS)[-1]


def write(folder: Path, *, compressed: bool) -> Path:
    folder.mkdir(parents=True)
    for name, content in CONTENTS.items():
        if compressed:
            (folder / f"{name}.gz").write_bytes(gzip.compress(content))
        else:
            (folder / name).write_bytes(content)
    return folder


def supply(tmp_path: Path, *elsewhere: base.Source, given: Path | None = None) -> base.Supply:
    return base.Supply(
        title="Small-MNIST",
        files=FILES,
        cache=base.Folder("cache", tmp_path / "cache"),
        elsewhere=elsewhere,
        advice="Buy the files.",
        given=() if given is None else (base.Folder("--data-dir", given),),
    )


@pytest.fixture
def web(tmp_path: Path) -> Iterator[str]:
    """The address of a server on this machine that serves `tmp_path / "web"`."""
    with serving(tmp_path / "web") as address:
        yield address


@pytest.fixture
def nobody() -> str:
    """An address on this machine where nobody listens."""
    return nobody_there()


@pytest.mark.parametrize("compressed", [True, False])
def test_files_are_read_plain_and_compressed(tmp_path: Path, compressed: bool) -> None:
    folder = write(tmp_path / "here", compressed=compressed)
    assert supply(tmp_path, base.Folder("here", folder)).obtain() == CONTENTS


def test_a_download_is_verified_and_cached(tmp_path: Path, web: str) -> None:
    write(tmp_path / "web", compressed=True)
    assert supply(tmp_path, base.Download("web", web)).obtain() == CONTENTS
    assert sorted(p.name for p in (tmp_path / "cache").iterdir()) == sorted(CONTENTS)
    assert supply(tmp_path).obtain() == CONTENTS


def test_a_download_says_nothing(
    tmp_path: Path, web: str, capfd: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path / "web", compressed=True)
    supply(tmp_path, base.Download("web", web)).obtain()
    assert capfd.readouterr() == ("", "")


def test_every_failed_source_is_named_with_its_reason(
    tmp_path: Path, web: str, nobody: str
) -> None:
    (tmp_path / "web").mkdir()
    sources = (
        base.Folder("attic", tmp_path / "attic"),
        base.Download("closed network", nobody),
        base.Download("empty server", web),
        fashion_mnist.AptPackage("no apt here", "p", "f", search_path=str(tmp_path)),
    )
    with pytest.raises(DataError) as caught:
        supply(tmp_path, *sources, given=tmp_path / "mine").obtain()
    first, *reasons, advice = str(caught.value).splitlines()
    assert "Small-MNIST" in first
    expected = [
        ("--data-dir", "mine is not a folder"),
        ("cache", "cache is not a folder"),
        ("attic", "attic is not a folder"),
        ("closed network", "Connection refused"),
        ("empty server", f"{web}{FIRST}.gz: HTTP Error 404: File not found"),
        ("no apt here", "apt-get: no such command"),
    ]
    for line, (name, reason) in zip(reasons, expected, strict=True):
        assert line.startswith(f"  {name}: ")
        assert line.endswith(reason)
    assert f"{nobody}{FIRST}.gz: " in reasons[3]
    assert advice == "Buy the files."
    assert not (tmp_path / "cache").exists()


def test_wrong_contents_are_refused_by_name_and_the_next_source_is_asked(tmp_path: Path) -> None:
    bad = write(tmp_path / "bad", compressed=False)
    (bad / LAST).write_bytes(b"something else")
    with pytest.raises(DataError, match=f"{LAST} has SHA-256 .*, not {FILES[LAST]}"):
        supply(tmp_path, base.Folder("bad", bad)).obtain()
    good = write(tmp_path / "good", compressed=True)
    both = supply(tmp_path, base.Folder("bad", bad), base.Folder("good", good))
    assert both.obtain() == CONTENTS


def test_a_cut_off_archive_is_refused_by_name(tmp_path: Path) -> None:
    bad = write(tmp_path / "bad", compressed=True)
    archive = bad / f"{FIRST}.gz"
    archive.write_bytes(archive.read_bytes()[:-12])
    with pytest.raises(DataError, match=f"{FIRST}.gz is damaged"):
        supply(tmp_path, base.Folder("bad", bad)).obtain()


def test_wrong_contents_where_the_user_pointed_are_not_passed_over(tmp_path: Path) -> None:
    good = write(tmp_path / "good", compressed=True)
    mine = write(tmp_path / "mine", compressed=False)
    (mine / FIRST).write_bytes(b"my own")
    with pytest.raises(DataError, match="--data-dir does not contain the original files") as caught:
        supply(tmp_path, base.Folder("good", good), given=mine).obtain()
    assert FIRST in str(caught.value)


def test_the_users_folder_comes_first_and_is_not_copied(tmp_path: Path) -> None:
    mine = write(tmp_path / "mine", compressed=True)
    assert supply(tmp_path, given=mine).obtain() == CONTENTS
    assert not (tmp_path / "cache").exists()


def test_a_damaged_cache_is_repaired_from_the_next_source(tmp_path: Path) -> None:
    cache = write(tmp_path / "cache", compressed=False)
    (cache / FIRST).write_bytes(b"torn")
    good = write(tmp_path / "good", compressed=True)
    assert supply(tmp_path, base.Folder("good", good)).obtain() == CONTENTS
    assert (cache / FIRST).read_bytes() == CONTENTS[FIRST]


def test_a_cache_that_cannot_be_written_does_not_stop_the_load(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file where the folder should be")
    good = write(tmp_path / "good", compressed=True)
    assert supply(tmp_path, base.Folder("good", good)).obtain() == CONTENTS


def commands(folder: Path, *, lists_missing: bool) -> Path:
    """An apt-get and a dpkg-deb that record their calls; the package is a plain tar archive."""
    folder.mkdir()
    package = write(folder / "root" / "usr" / "data", compressed=True)
    assert package.is_dir()
    lists = folder / "lists"
    if not lists_missing:
        lists.touch()
    scripts = {
        "apt-get": f"""echo "$@" >> {folder}/calls
case "$*" in
*update) touch {lists};;
*download*) [ -e {lists} ] || {{ echo "E: Unable to locate package small" >&2; exit 100; }}
    tar -cf small_1_all.deb -C {folder}/root .;;
esac""",
        "dpkg-deb": 'tar -xf "$2" -C "$3"',
    }
    for name, script in scripts.items():
        (folder / name).write_text(f"#!/bin/sh\nPATH=/usr/bin:/bin\n{script}\n")
        (folder / name).chmod(0o755)
    return folder


def apt(folder: Path, *, as_root: bool) -> fashion_mnist.AptPackage:
    return fashion_mnist.AptPackage(
        "apt", "small", "usr/data", search_path=str(folder), as_root=as_root
    )


def test_a_package_is_unpacked_without_root(tmp_path: Path) -> None:
    folder = commands(tmp_path / "bin", lists_missing=False)
    assert supply(tmp_path, apt(folder, as_root=False)).obtain() == CONTENTS
    assert "update" not in (folder / "calls").read_text()
    assert supply(tmp_path).obtain() == CONTENTS


def test_root_fetches_missing_package_lists(tmp_path: Path) -> None:
    folder = commands(tmp_path / "bin", lists_missing=True)
    assert supply(tmp_path, apt(folder, as_root=True)).obtain() == CONTENTS
    calls = (folder / "calls").read_text().splitlines()
    assert [call.split()[4] for call in calls] == ["download", "update", "download"]


def test_without_root_missing_package_lists_are_a_reason(tmp_path: Path) -> None:
    folder = commands(tmp_path / "bin", lists_missing=True)
    with pytest.raises(DataError, match=r"E: Unable to locate package small.*without root"):
        supply(tmp_path, apt(folder, as_root=False)).obtain()


def test_status_asks_nobody(tmp_path: Path, nobody: str) -> None:
    folder = write(tmp_path / "here", compressed=True)
    bin_folder = commands(tmp_path / "bin", lists_missing=False)
    sources = (
        base.Folder("here", folder),
        base.Download("web", nobody),
        apt(bin_folder, as_root=True),
        apt(tmp_path, as_root=True),
    )
    known = [(s.name, s.available) for s in supply(tmp_path, *sources).status()]
    assert known == [("cache", False), ("here", True), ("web", None), ("apt", None), ("apt", False)]
    assert not (bin_folder / "calls").exists()


def test_fashion_mnist_asks_its_sources_in_the_documented_order(tmp_path: Path) -> None:
    found = fashion_mnist.supply(tmp_path / "mine", home=tmp_path)
    assert [source.name for source in found.sources] == [
        "--data-dir",
        "--data-dir",
        "cache",
        "Keras's cache",
        "installed Debian package",
        "Keras's download",
        "Debian's download",
    ]
    assert fashion_mnist.supply(home=tmp_path).given == ()
    assert found.files == fashion_mnist.FILES


def test_fashion_mnist_is_split_as_documented() -> None:
    data = fashion_mnist.data_from(CONTENTS, validation_count=2)
    assert data.test is not None
    np.testing.assert_array_equal(data.train.x, IMAGES[2:])
    np.testing.assert_array_equal(data.validation.x, IMAGES[:2])
    np.testing.assert_array_equal(data.test.x, IMAGES[:2] + 100)
    assert data.train.y.tolist() == [4, 1, 5, 9]
    assert data.validation.y.tolist() == [3, 1]
    assert data.test.y.tolist() == [2, 6]


@pytest.mark.parametrize("content", [b"", b"\0\0\x0d\x01\0\0\0\0", b"\0\0\x08\x02\0\0", b"text"])
def test_what_is_not_an_idx_file_is_refused(content: bytes) -> None:
    with pytest.raises(DataError, match="labels is not an IDX file"):
        fashion_mnist.idx("labels", content)


def test_an_idx_file_of_the_wrong_length_is_refused() -> None:
    with pytest.raises(DataError, match="labels has 2 values, but its header says 3"):
        fashion_mnist.idx("labels", b"\0\0\x08\x01\0\0\0\x03\x07\x09")


def test_the_real_fashion_mnist_loads() -> None:
    data = fashion_mnist.load()
    assert data.test is not None
    parts = (data.train, data.validation, data.test)
    assert [part.x.shape for part in parts] == [(n, 28, 28) for n in (55_000, 5_000, 10_000)]
    assert [part.y.shape for part in parts] == [(55_000,), (5_000,), (10_000,)]
    assert {str(array.dtype) for part in parts for array in (part.x, part.y)} == {"uint8"}
    assert data.class_names[data.train.y[0]] == "Coat"
    expected = "0a5e815e3da23222f0fc7547d36217e5abc2560c50a3715a99ffa21e88f27edd"
    assert base.digest(data) == expected
    cached = base.Folder("cache", base.cache_folder(Path.home()) / "fashion-mnist")
    assert cached.status(fashion_mnist.FILES).available


def test_digits_are_split_evenly_and_always_alike() -> None:
    data, again = digits.load(), digits.load()
    assert data.test is not None
    parts = (data.train, data.validation, data.test)
    assert [part.x.shape for part in parts] == [(n, 8, 8) for n in (1078, 359, 360)]
    assert data.train.x.dtype == np.float32
    assert data.train.x.min() == 0
    assert data.train.x.max() == 16
    for part in parts:
        shares = np.bincount(part.y, minlength=10) / len(part.y)
        assert abs(shares - 0.1).max() < 0.01
    assert base.digest(data) == base.digest(again)


def small_data() -> Data:
    x, y = np.arange(12, dtype=np.float32).reshape(3, 4), np.array([0, 1, 0])
    return Data(Part(x, y), Part(x[:1], y[:1]), Part(x[1:], y[1:]), ("no", "yes"))


def test_the_digest_is_of_values_not_of_memory() -> None:
    data = small_data()
    other = Data(
        Part(np.asfortranarray(data.train.x), data.train.y.copy()),
        data.validation,
        data.test,
        data.class_names,
    )
    assert base.digest(other) == base.digest(data)


@pytest.mark.parametrize(
    "change",
    [
        *("value", "dtype", "shape", "names", "test", "weights", "class_weight", "input names"),
        "given",
    ],
)
def test_the_digest_sees_every_change(change: str) -> None:
    data = small_data()
    x, y = data.train.x, data.train.y
    changed = {
        "value": Data(Part(x + 1, y), data.validation, data.test, data.class_names),
        "dtype": Data(Part(x, y.astype("u8")), data.validation, data.test, data.class_names),
        "shape": Data(Part(x.reshape(3, 2, 2), y), data.validation, data.test, data.class_names),
        "names": Data(data.train, data.validation, data.test, ("yes", "no")),
        "test": Data(data.train, data.validation, None, data.class_names),
        "weights": replace(data, train=Part(x, y, np.ones(3))),
        "class_weight": replace(data, class_weight={1: 2.0}),
        "input names": replace(data, train=Part({"wide": x}, y)),
        "given": replace(data, train=Part(x, y, given={"kernel": x})),
    }[change]
    assert base.digest(changed) != base.digest(data)


def test_what_is_given_stays_with_whatever_is_taken() -> None:
    part = replace(small_data().train, given={"kernel": np.ones(2)})
    assert part.take(slice(1)).given is part.given


def test_class_weight_and_weights_exclude_each_other() -> None:
    data = small_data()
    weighted = Part(data.train.x, data.train.y, np.ones(3))
    with pytest.raises(UsageError, match="both class_weight and weights"):
        replace(data, train=weighted, class_weight={0: 2.0})


def test_the_digest_of_objects_is_of_their_values() -> None:
    def data() -> Data:
        words = np.array(["".join(["wo", "rd"]), 1.5], dtype=object)
        return Data(Part(words, words), Part(words, words))

    assert base.digest(data()) == base.digest(data())


@pytest.mark.parametrize("name", base.names())
def test_every_data_set_describes_its_sources(name: str) -> None:
    described = base.module(name).describe(None)
    assert described
    assert all(status.name and status.detail for status in described)


def test_data_sets_are_found_by_their_file_names() -> None:
    found = {"california_housing", "digits", "fashion_mnist", "iris", "mnist", "xor"}
    assert found <= set(base.names())
    assert "base" not in base.names()
    with pytest.raises(UsageError, match="did you mean 'digits'"):
        base.module("digit")
