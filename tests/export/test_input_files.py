"""Examples from files: what each kind gives, and how what does not fit is refused."""

import numpy as np
import pytest
from PIL import Image

from search.errors import DataError, SearchError, UsageError
from search.export._input_files import IMAGES, InputFacts, read_examples

BYTES = InputFacts((2, 3), "uint8")
FLOATS = InputFacts((3,), "float32")
EXAMPLE = np.arange(6, dtype=np.uint8).reshape(2, 3)


@pytest.fixture
def saved(tmp_path):
    def save(array, name="input.npy"):
        np.save(tmp_path / name, array)
        return tmp_path / name

    return save


@pytest.fixture
def written(tmp_path):
    def write(text, name="input.csv"):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


@pytest.fixture
def drawn(tmp_path):
    def draw(picture, name="input.png", **options):
        picture.save(tmp_path / name, **options)
        return tmp_path / name

    return draw


def refusal(path, facts=BYTES, kind=DataError):
    with pytest.raises(kind) as error:
        read_examples(path, facts)
    return str(error.value)


def test_an_array_of_one_example_becomes_a_batch_of_one(saved):
    examples = read_examples(saved(EXAMPLE), BYTES)
    assert examples.shape == (1, 2, 3)
    assert examples.dtype == np.uint8
    assert np.array_equal(examples[0], EXAMPLE)


def test_the_only_array_of_an_archive_is_taken(tmp_path):
    np.savez(tmp_path / "one.npz", EXAMPLE)
    assert np.array_equal(read_examples(tmp_path / "one.npz", BYTES), [EXAMPLE])
    np.savez(tmp_path / "two.npz", x=EXAMPLE, y=EXAMPLE)
    assert "2 arrays (x, y), but the model has one input. Keep" in refusal(tmp_path / "two.npz")
    (tmp_path / "none.npz").write_bytes(b"PK")
    assert "as np.savez writes them" in refusal(tmp_path / "none.npz")


def test_a_batch_stays_a_batch(saved):
    assert read_examples(saved(np.stack([EXAMPLE, EXAMPLE])), BYTES).shape == (2, 2, 3)


def test_whole_numbers_of_another_type_are_taken_as_the_models(saved):
    examples = read_examples(saved(EXAMPLE.astype(np.float64)), BYTES)
    assert examples.dtype == np.uint8
    assert np.array_equal(examples[0], EXAMPLE)


@pytest.mark.parametrize(
    ("array", "facts", "words"),
    [
        (EXAMPLE.T, BYTES, ["(2, 3) or (n, 2, 3)", "has shape (3, 2)"]),
        (np.zeros((0, 2, 3)), BYTES, ["has no examples"]),
        (EXAMPLE / 255, BYTES, ["raw values of uint8", "Undo any scaling"]),
        (EXAMPLE.astype(int) + 255, BYTES, ["raw values of uint8", "the value 256"]),
        (np.full((2, 3), np.nan), BYTES, ["infinity"]),
        (np.array([1.0, np.inf, 0.0]), FLOATS, ["infinity"]),
        (np.array([1.0, np.nan, 0.0], dtype=np.float32), FLOATS, ["infinity"]),
        (np.array([1e300, 0.0, 0.0]), FLOATS, ["float32", "too large"]),
        (np.array(["a", "b", "c"]), FLOATS, ["takes numbers"]),
    ],
)
def test_an_array_that_does_not_fit_is_refused(saved, array, facts, words):
    message = refusal(saved(array), facts)
    assert [word for word in words if word not in message] == []


@pytest.mark.parametrize("raw", [b"", b"nonsense", b"\x93NUMPY\x01\x00\x10\x00{'descr': ("])
def test_a_damaged_array_is_refused(written, raw):
    assert "Save it again" in refusal(written(raw, "input.npy"))


def test_an_array_of_objects_is_refused_and_never_unpickled(saved):
    assert "allow_pickle=False" in refusal(saved(np.array([{}, {}, {}])), FLOATS)


@pytest.mark.parametrize("header", ["", "a,b,c,d,e,f\n", "\ufeffa,b,c,d,e,f\r\n"])
def test_a_table_has_one_example_in_each_row(written, header):
    path = written(f"{header}0,1,2,3,4,5\n\n5, 4 ,3,2,1,0\n")
    examples = read_examples(path, BYTES)
    assert examples.dtype == np.uint8
    assert examples.tolist() == [EXAMPLE.tolist(), EXAMPLE[::-1, ::-1].tolist()]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("1,2,3\n1,2\n", ["row 2", "has 2 values", "has 3 (", "Correct the row"]),
        ("a,b,c\n1,2,3\n4,5,6,7\n", ["row 3", "has 4 values", "Remove the label"]),
        ("1,x,3\n", ["row 1, column 2", "'x'"]),
        ("a,b,c\n1,2,x\n", ["row 2, column 3", "'x'"]),
        ("a,b,c\nd,e,f\n", ["row 2, column 1", "'d'"]),
        ("1,,3\n", ["row 1, column 2", "''"]),
        ("1,nan,3\n", ["infinity"]),
        ("a,b,c\n", ["no rows of values"]),
        ("", ["no rows of values"]),
        (b"\xff\xfe1\x00", ["UTF-8"]),
    ],
)
def test_a_table_that_does_not_fit_is_refused_by_row(written, text, words):
    message = refusal(written(text), FLOATS)
    assert [word for word in words if word not in message] == []


@pytest.mark.parametrize("suffix", IMAGES)
def test_every_kind_of_image_is_made_grey_and_resized(drawn, suffix):
    mode = "L" if suffix == ".pgm" else "RGB"
    path = drawn(Image.new(mode, (30, 20), "white"), f"input{suffix}")
    examples = read_examples(path, BYTES)
    assert examples.tolist() == np.full((1, 2, 3), 255).tolist()


def test_an_image_of_the_right_size_is_taken_as_it_is(drawn):
    examples = read_examples(drawn(Image.fromarray(EXAMPLE)), BYTES)
    assert np.array_equal(examples[0], EXAMPLE)


def test_a_model_with_a_channel_axis_gets_one(drawn):
    path = drawn(Image.fromarray(EXAMPLE))
    assert read_examples(path, InputFacts((2, 3, 1), "float32")).shape == (1, 2, 3, 1)


def test_a_model_for_colours_gets_colours(drawn):
    path = drawn(Image.new("RGB", (3, 2), (10, 20, 30)))
    examples = read_examples(path, InputFacts((2, 3, 3), "uint8"))
    assert examples[0, 1, 2].tolist() == [10, 20, 30]


def test_sixteen_bit_grey_is_scaled_not_clipped(drawn):
    path = drawn(Image.fromarray(np.full((2, 3), 257 * 100, dtype=np.uint16)))
    assert read_examples(path, BYTES).tolist() == np.full((1, 2, 3), 100).tolist()


def test_what_is_transparent_counts_as_black(drawn):
    path = drawn(Image.new("RGBA", (3, 2), (255, 255, 255, 0)))
    assert read_examples(path, BYTES).max() == 0


def test_a_photograph_is_turned_upright(drawn):
    lying = Image.fromarray(EXAMPLE.T.copy())
    exif = Image.Exif()
    exif[0x0112] = 5  # stored transposed
    examples = read_examples(drawn(lying, exif=exif), BYTES)
    assert np.array_equal(examples[0], EXAMPLE)


@pytest.mark.parametrize("cut", [0, 4, 60])
def test_a_damaged_image_is_refused(drawn, written, cut):
    noise = np.random.default_rng(0).integers(0, 255, (20, 20), dtype=np.uint8)
    raw = drawn(Image.fromarray(noise)).read_bytes()
    assert "cannot read the image" in refusal(written(raw[:cut], "cut.png"))


def test_an_image_for_a_model_that_takes_none_is_refused(drawn):
    message = refusal(drawn(Image.fromarray(EXAMPLE)), FLOATS)
    assert "is an image, but the model takes 3 of float32" in message
    assert ".npy or .csv" in message


def test_a_missing_file_and_an_unknown_kind_are_wrong_use(tmp_path, written):
    assert "There is no file" in refusal(tmp_path / "none.npy", kind=UsageError)
    message = refusal(written("{}", "input.json"), kind=UsageError)
    assert "'input.json'" in message
    assert ".npy .npz .csv .png" in message


def test_a_dtype_that_does_not_exist_blames_the_export(saved):
    assert "uint9" in refusal(saved(EXAMPLE), InputFacts((2, 3), "uint9"), SearchError)
