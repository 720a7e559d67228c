"""Drawings of networks: well-formed, escaped, with every layer; and the winner's figures."""

import io
import re
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from dashboards.diagrams import network as networks
from dashboards.diagrams.errors_by_class import examples
from dashboards.diagrams.export_files import files
from dashboards.figures.confusion import confusion
from dashboards.figures.residuals import residuals
from dashboards.tables.evaluation import confusion_frame, examples_frame, residuals_frame
from search.export.evaluation import Classified, Regressed
from search.study.architecture import Layer, Network

DENSE = Network(
    (
        Layer("InputLayer", (4,)),
        Layer("Dense", (300,), 1500, "relu", (0,)),
        Layer("Dropout", (300,), 0, "", (1,), "0.25"),
        Layer("Dense", (3,), 903, "softmax", (2,)),
    )
)
WIDE = Network(
    (
        Layer("InputLayer", (5,), name="wide"),
        Layer("InputLayer", (6,), name="deep"),
        Layer("Dense", (8,), 56, "relu", (1,)),
        Layer("Concatenate", (13,), 0, "", (0, 2)),
        Layer("Dense", (1,), 14, "", (3,), name="main"),
        Layer("Dense", (1,), 9, "", (2,), name="auxiliary"),
    )
)
ODD = Network((Layer("<script>", None, 3, "a&b", name='"x"\x07'), Layer("Dense", (2,))), "Own<i>")
LONG = Network(
    tuple(Layer("Conv2D", (9, 9, 4), 9, "relu", (n - 1,) if n else ()) for n in range(30))
)


def parsed(svg: str) -> ElementTree.Element:
    return ElementTree.fromstring(svg)


def texts(root: ElementTree.Element) -> list[str]:
    return [node.text or "" for node in root.iter() if node.tag.endswith("}text")]


def size(root: ElementTree.Element) -> list[float]:
    return [float(word) for word in root.attrib["viewBox"].split()]


@pytest.mark.parametrize("network", [DENSE, WIDE, ODD, LONG, Network(())])
def test_a_drawing_is_well_formed_and_stays_on_its_sheet(network):
    root = parsed(networks.drawing(network))
    _, _, width, height = size(root)
    kinds = [node.tag.partition("}")[2] for node in root]
    assert kinds[:2] == ["title", "desc"]
    assert kinds.count("g") == len(network.layers)
    assert kinds.count("path") == sum(len(layer.inbound) for layer in network.layers)
    for node in root.iter():
        for key, limit in (("cx", width), ("x", width), ("cy", height), ("y", height)):
            assert 0 <= float(node.attrib.get(key, 0)) <= limit
    assert width < 520
    assert networks.drawing(network) == networks.drawing(network)


def test_neurons_stand_for_widths_and_words_below_say_them():
    root = parsed(networks.drawing(DENSE))
    groups = [node for node in root if node.tag.endswith("}g")]
    neurons = [len(re.findall(r'r="5"', ElementTree.tostring(g).decode())) for g in groups]
    assert neurons == [4, 7, 0, 3]  # of 300 some, and an ellipsis
    assert texts(root) == [
        *("Input", "4", "Dense", "300", "relu", "Dropout 0.25", "Dense", "3", "softmax"),
    ]


def test_several_inputs_run_side_by_side_into_several_outputs():
    root = parsed(networks.drawing(WIDE))
    _, _, width, height = size(root)
    assert height > 2 * width / 3
    assert {"wide", "deep", "main", "auxiliary", "Concat"} <= set(texts(root))
    assert "inputs from 0 and 2" in (root[1].text or "")


def test_words_of_the_users_are_escaped():
    drawn = networks.drawing(ODD)
    assert "<script>" not in drawn
    assert "<i>" not in drawn
    root = parsed(drawn)
    assert root[0].text == "Layers of Own<i>"
    assert '"x"' in texts(root)


def test_the_table_says_the_same_in_rows():
    frame = networks.summary(WIDE)
    assert list(frame["gives"]) == ["5", "6", "8", "13", "1", "1"]
    assert list(frame["takes_from"]) == ["", "", "1", "0, 2", "3", "2"]
    assert frame["parameters"].sum() == 79
    lines = networks.table(WIDE).splitlines()
    assert lines[4].split() == ["3:", "Concat", "13", "0", "0,", "2"]
    assert lines[-1] == "79 parameters in total"
    assert "Own<i>" in networks.table(ODD)


@pytest.fixture
def mistakes() -> Classified:
    images = np.arange(2 * 6 * 5, dtype=np.uint8).reshape(2, 6, 5)
    return Classified(
        part="test",
        output="",
        size=12,
        class_names=("a<b", "c"),
        confusion=np.array([[6, 2], [0, 4]]),
        rows=np.array([7, 3]),
        true=np.array([0, 0]),
        predicted=np.array([1, 1]),
        probability=np.array([0.9, 0.75], np.float32),
        true_probability=np.array([0.1, 0.25], np.float32),
        images=images,
    )


def test_the_confusion_figure_holds_counts_and_shares(mistakes):
    frame = confusion_frame(mistakes)
    assert list(frame.columns) == ["a<b", "c"]
    figure = confusion(frame, mistakes.part)
    (trace,) = figure.data
    assert np.asarray(trace.customdata).tolist() == [[6, 2], [0, 4]]
    assert np.asarray(trace.z).tolist() == [[0.75, 0.25], [0.0, 1.0]]
    said = figure.layout.title.subtitle.text.replace("<br>", " ")
    assert "83.3% of 12 correct" in said
    assert "predicted as c, 2 times" in said
    assert not confusion(frame.iloc[:0, :0]).data


def test_the_most_confused_examples_are_pictures_that_any_reader_opens(mistakes):
    import base64

    drawn = examples(mistakes)
    root = parsed(drawn)
    shown = [node.attrib["href"] for node in root.iter() if node.tag.endswith("}image")]
    for address, image in zip(shown, mistakes.images, strict=True):
        data = base64.b64decode(address.removeprefix("data:image/png;base64,"))
        np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(data))), image)
    assert "→ c 0.90" in texts(root)
    assert list(examples_frame(mistakes)["true"]) == ["a<b", "a<b"]
    assert set(files(DENSE, mistakes)) == {
        *("network.svg", "evidence.npz", "confusion.csv", "examples.svg"),
    }


def test_residuals_are_differences_and_few_enough_to_draw():
    true = np.linspace(0, 1, 4000, dtype=np.float32)
    frame = residuals_frame(Regressed("validation", "", 4000, true, true + np.float32(0.5)))
    figure = residuals(frame, "validation")
    points, line, bars = figure.data
    assert len(points.x) <= 1500
    assert np.asarray(points.y) - np.asarray(points.x) == pytest.approx(0.5, abs=1e-6)
    assert len(bars.x) == 4000
    assert list(line.x) == list(line.y) == [0.0, 1.0]
    assert figure.layout.title.text == "Residuals on validation data"
    assert not residuals(frame.iloc[:0]).data
