"""The chart: trials per hour against the peers, and Hyperband's best score over time.

Vermilion, blue and grey are told apart by all eyes and stand out from white and from black; the
ground is transparent. Every bar and line bears its name.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.hyperband import TARGET, best_so_far
from benchmarks.results import Results, Row, spread, where

OURS, PEER, TEXT = "#D55E00", "#3A8FC2", "#808890"
NAMES = {
    "ours": "this platform",
    "gridsearchcv": "GridSearchCV\n+ scikeras",
    "kerastuner": "KerasTuner",
    "optuna_script": "Optuna script",
}
TITLES = {
    "twelve": "Fashion-MNIST, 12 networks,\n10 epochs: trials per hour",
    "regression": "8-30-1 regression, 30 trials,\n20 epochs: trials per hour",
}


def hourly(rows: Sequence[Row], task: str, contender: str) -> float | None:
    """Trials per hour, by the median of whole processes; None where nothing was measured."""
    own = where(rows, task=task, contender=contender)
    if not own:
        return None
    return float(own[0]["trials"] * 3600 / spread([row["seconds"] for row in own]).median)


def possible(folder: Path) -> bool:
    """Whether this platform and a peer have been measured."""
    contenders = {row["contender"] for row in Results("peers", folder).rows()}
    return "ours" in contenders and len(contenders) > 1


def draw(folder: Path, image: Path) -> bool:
    """Draw what is there; False, and no file, where the peers have not been measured."""
    if not possible(folder):
        return False
    peers, hyperband = Results("peers", folder).rows(), Results("hyperband", folder).rows()
    import matplotlib as mpl

    mpl.use("svg")
    from matplotlib import pyplot as plt

    settings = {"svg.hashsalt": "benchmarks", "font.size": 9, "svg.fonttype": "path"}
    settings |= {f"{part}.color": TEXT for part in ("text", "xtick", "ytick")}
    settings |= {"axes.labelcolor": TEXT, "axes.edgecolor": TEXT, "axes.titlecolor": TEXT}
    tasks = [task for task in TITLES if where(peers, task=task)]
    count = len(tasks) + bool(hyperband)
    with mpl.rc_context(settings):
        figure, axes = plt.subplots(1, count, figsize=(3.4 * count, 2.6), squeeze=False)
        for axis, task in zip(axes[0], tasks, strict=False):
            _bars(axis, peers, task)
        if hyperband:
            _curves(axes[0][-1], hyperband)
        for axis in axes[0]:
            axis.spines[["top", "right"]].set_visible(False)
            axis.patch.set_alpha(0)
        figure.tight_layout(w_pad=2)
        image.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(image, transparent=True, metadata={"Date": None, "Creator": None})
        plt.close(figure)
    return True


def _bars(axis: Any, rows: Sequence[Row], task: str) -> None:
    values = {name: hourly(rows, task, name) for name in NAMES}
    found = {name: value for name, value in values.items() if value is not None}
    names = sorted(found, key=lambda name: found[name])
    colours = [OURS if name == "ours" else PEER for name in names]
    bars = axis.barh([NAMES[name] for name in names], [found[n] for n in names], color=colours)
    axis.bar_label(bars, [f"{found[name]:,.0f}" for name in names], padding=3, color=TEXT)
    axis.set_title(TITLES[task], loc="left", fontsize=9)
    axis.margins(x=0.22)
    axis.set_xticks([])
    axis.spines["bottom"].set_visible(False)
    axis.tick_params(left=False)


def _curves(axis: Any, rows: Sequence[Row]) -> None:
    for name, colour, height in (("ours", OURS, 0.12), ("kerastuner", PEER, 0.03)):
        for row in where(rows, contender=name):
            best = best_so_far(row["timeline"])
            times = [at for at, _ in best] + [row["seconds"]]
            scores = [score for _, score in best]
            axis.step(times, [*scores, scores[-1]], where="post", color=colour, alpha=0.8, lw=1.3)
            axis.plot(times[-1], scores[-1], "o", color=colour, ms=3)
        if where(rows, contender=name):
            axis.annotate(
                NAMES[name].replace("\n", " "), (0.98, height), xycoords="axes fraction",
                color=colour, ha="right", fontweight="bold",
            )  # fmt: skip
    axis.axhline(TARGET, color=TEXT, lw=0.8, ls=":")
    axis.set_xscale("log")
    top = max(score for row in rows for _, score in row["timeline"])
    axis.set_ylim(min(0.84, top - 0.1), top + 0.01)
    axis.set_xlabel("seconds since the process began")
    axis.set_title("Hyperband on Fashion-MNIST:\nbest accuracy so far", loc="left", fontsize=9)
    axis.set_xticks([10, 30, 100, 300], ["10", "30", "100", "300"])
    axis.minorticks_off()
