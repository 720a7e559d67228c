"""What was measured as Markdown tables, a function for each benchmark."""

import itertools
import statistics
from collections.abc import Sequence

from benchmarks.hyperband import TARGET, seconds_to
from benchmarks.limit import floating_operations
from benchmarks.memory import grown
from benchmarks.results import Row, seconds, spread, table, where

MISSING = "Not measured yet."
NAMES = {
    "ours": "this platform, 2 workers",
    "default": "`run fashion`, all defaults",
    "kerastuner": "KerasTuner",
    "optuna_script": "Optuna script",
    "gridsearchcv": "GridSearchCV + scikeras, `n_jobs=2`",
}


def ratio(rows: Sequence[Row], contender: str, to: str = "ours", value: str = "seconds") -> str:
    """How many times longer than another one, round by round: "8.1 (7.9–8.4)"."""
    base = {row["round"]: row[value] for row in where(rows, contender=to)}
    mine = where(rows, contender=contender)
    found = [row[value] / base[row["round"]] for row in mine if base.get(row["round"])]
    if not found:
        return "–"
    all_ = spread(found)
    return f"{all_.median:.1f} ({all_.low:.1f}–{all_.high:.1f})"


def peers(rows: Sequence[Row], task: str) -> str:
    """Seconds, trials per hour and ratios of a list of trials; then the scores."""
    rows = where(rows, task=task)
    names = [name for name in NAMES if where(rows, contender=name)]
    if not names:
        return MISSING
    speed = []
    for name in names:
        own = where(rows, contender=name)
        taken = [row["seconds"] for row in own]
        hourly = own[0]["trials"] * 3600 / spread(taken).median
        speed.append([NAMES[name], str(len(own)), seconds(taken), f"{hourly:,.0f}"])
        speed[-1].append("1" if name == "ours" else ratio(rows, name))
    head = ["", "rounds", "seconds", "trials per hour", "times as long as ours"]
    about = rows[0]
    said = f"{about['trials']} trials of {about['epochs']} epochs; data: {about['data']}.\n\n"
    return said + table(head, speed) + "\n\n" + scores(rows, names)


def scores(rows: Sequence[Row], names: Sequence[str]) -> str:
    """Mean scores, and how they spread from seed to seed: of the mean, and of one configuration."""
    lines = []
    ours = [statistics.fmean(row["scores"]) for row in where(rows, contender="ours")]
    for name in names:
        own = where(rows, contender=name)
        means = [statistics.fmean(row["scores"]) for row in own]
        line = [NAMES[name], f"{statistics.fmean(means):.4f}"]
        if len(own) > 1:
            line += [f"{min(means):.4f}–{max(means):.4f}", f"{deviation(own):.4f}"]
        else:
            line += ["–", "–"]
        gap = statistics.fmean(means) - statistics.fmean(ours) if ours else None
        lines.append([*line, "–" if gap is None or name == "ours" else f"{gap:+.4f}"])
    head = ["", "mean score", "of single seeds", "deviation of one trial", "difference to ours"]
    return table(head, lines)


def deviation(rows: Sequence[Row]) -> float:
    """The standard deviation of one configuration's score from seed to seed, over all of them."""
    variances = [
        statistics.variance(scores) for scores in zip(*(row["scores"] for row in rows), strict=True)
    ]
    return statistics.fmean(variances) ** 0.5


def hyperband(rows: Sequence[Row]) -> str:
    """To the end of the brackets, and to the target."""
    names = [name for name in NAMES if where(rows, contender=name)]
    if not names:
        return MISSING
    lines = []
    for row in rows:
        row["to_target"] = seconds_to(row["timeline"])
    for name in names:
        own = where(rows, contender=name)
        reached = [row["to_target"] for row in own if row["to_target"] is not None]
        lines.append(
            [
                NAMES[name],
                str(len(own)),
                seconds([row["seconds"] for row in own]),
                ratio(rows, name),
                f"{seconds(reached)}, {len(reached)} of {len(own)}",
                ratio([row for row in rows if row["to_target"]], name, value="to_target"),
                f"{statistics.median(row['epochs'] for row in own):.0f}",
                f"{statistics.median(row['best'] for row in own):.4f}",
            ]
        )
    head = [
        *("", "rounds", "seconds to the end", "times ours", f"seconds to {TARGET}, how often"),
        *("times ours", "epochs", "best score"),
    ]
    return table(head, lines)


def limit(rows: Sequence[Row]) -> str:
    """Milliseconds of a steady epoch, each way, and how far ours is from the products."""
    lines = []
    for (widths, optimizer), group in itertools.groupby(
        rows, lambda row: (row["widths"], row["optimizer"])
    ):
        own = list(group)
        medians = {
            way: spread([row["seconds"] for row in where(own, way=way)]).median
            for way in ("products", "graph", "compiled", "fit")
            if where(own, way=way)
        }
        rule, products = own[0]["rule"], medians["products"]
        rate = floating_operations(widths, own[0]["rows"]) / products / 1e9
        line = ["-".join(map(str, widths)), optimizer, f"{products * 1e3:.1f} ({rate:.0f})"]
        for way in ("graph", "compiled", "fit"):
            shown = f"{medians[way] * 1e3:.1f}" if way in medians else "–"
            line.append(f"**{shown}**" if way == rule else shown)
        ratios = [row["seconds"] / products for row in where(own, way=rule)]
        found = spread(ratios)
        lines.append([*line, f"{found.median:.2f} ({found.low:.2f}–{found.high:.2f})"])
    if not lines:
        return MISSING
    head = [
        *("network", "optimizer", "products (GFLOP/s)", "ours, graph", "ours, compiled", "`fit`"),
        "ours / products",
    ]
    return table(head, lines)


def scaling(rows: Sequence[Row]) -> str:
    """One worker and two; what of a study is training."""
    names = {"one": "twelve, 1 worker", "two": "twelve, 2 workers", "fashion": "fashion, 1 worker"}
    lines = []
    for name, shown in names.items():
        own = where(rows, contender=name)
        if not own:
            continue
        faster = "–"
        if name == "two":
            faster = ratio(rows, "one", to="two")
            faster += f", study {ratio(rows, 'one', to='two', value='study_seconds')}"
        # what one worker's study spends on other things than epochs
        share = [row["study_seconds"] / row["training_seconds"] - 1 for row in own]
        rest = "–" if name == "two" else f"{100 * spread(share).median:.1f} %"
        study = seconds([row["study_seconds"] for row in own])
        training = seconds([row["training_seconds"] for row in own])
        lines.append(
            [shown, seconds([row["seconds"] for row in own]), study, training, rest, faster]
        )
    if not lines:
        return MISSING
    head = [
        *("", "seconds, whole process", "of the study", "in epochs, all workers"),
        *("study beyond its epochs", "times as fast as 1 worker"),
    ]
    return table(head, lines)


def simulator(rows: Sequence[Row]) -> str:
    """Virtual workers: their use, the speed-up, the coordinator's own seconds."""
    lines = []
    for row in rows:
        one = where(rows, backend=row["backend"], workers=1)
        faster = f"{one[0]['virtual_seconds'] / row['virtual_seconds']:,.1f}" if one else "–"
        each = 1e3 * row["seconds"] / row["trials"]
        name = f"{row['backend']}, {row['trials']:,} trials"
        lines.append([name, f"{row['workers']:,}", f"{row['busy']:.1%}", faster, f"{each:.2f}"])
    if not lines:
        return MISSING
    head = ["", "workers", "busy", "times as fast as 1", "coordinator's ms per trial"]
    return table(head, lines)


def coordinator(rows: Sequence[Row]) -> str:
    """Trials a second, memory and resume, and what a real study spends beside its epochs."""
    speed = [
        [
            f"{row['backend']}, {row['workers']:,} simulated workers",
            f"{row['trials_per_second']:,}",
            f"{row['journal_bytes_per_trial']:,}",
        ]
        for row in where(rows, part="throughput")
    ]
    size = [
        [
            f"{row['trials']:,}",
            *(f"{row[key]:.0f}" for key in ("memory_mb", "resumed_memory_mb")),
            f"{row['resume_seconds']:.1f}",
        ]
        for row in where(rows, part="size")
    ]
    real = []
    for mlflow, shown in (("mlflow", "with MLflow"), ("none", "without")):
        own = where(rows, part="share", mlflow=mlflow)
        if own:
            shares = spread([100 * row["other_seconds"] / row["epoch_seconds"] for row in own])
            real.append(
                [
                    f"{own[0]['problem']}, {own[0]['epochs']} epochs, {shown}",
                    seconds([row["epoch_seconds"] for row in own]),
                    seconds([row["other_seconds"] for row in own]),
                    f"{shares.median:.1f} % ({shares.low:.1f}–{shares.high:.1f})",
                ]
            )
    if not (speed and size and real):
        return MISSING
    tables = (
        table(["", "trials a second", "journal bytes a trial"], speed),
        table(["trials", "MB for them", "MB when resumed", "seconds to resume"], size),
        table(["", "seconds in epochs", "beside them", "share"], real),
    )
    return "\n\n".join(tables)


def memory(rows: Sequence[Row]) -> str:
    """Resident memory at the twentieth trial and at the end."""
    lines = []
    for row in rows:
        growth = grown(row["samples"], row["settled"])
        start = row["samples"][row["settled"] - 1]
        # workers are gone when the last trials are heard of: what each was last seen with
        end = {name: size for sample in row["samples"] for name, size in sample.items()}
        numbers = itertools.count(1)
        for name, more in growth.items():
            shown = name if name == "coordinator" else f"worker {next(numbers)}"
            lines.append(
                [
                    f"{row['workers']} workers: {shown}",
                    f"{row['trials']} of {row['architectures']}",
                    f"{start[name]:.0f}" if name in start else "–",
                    f"{end[name]:.0f}",
                    f"{more:.0f}",
                ]
            )
    if not lines:
        return MISSING
    head = ["", "trials, architectures", "MB at trial 20", "MB at the end", "most growth after"]
    return table(head, lines)


def charts(reports: Sequence[Row], paints: Sequence[Row]) -> str:
    """Seconds to look at a large study: of the report, and of the live page's first paint."""
    lines = []
    for trials in sorted({row["trials"] for row in reports}):
        own = where(reports, trials=trials)
        size = f"{own[-1]['megabytes']:.1f}" if "megabytes" in own[-1] else "–"
        taken = seconds([row["seconds"] for row in own])
        lines.append([f"`report`, whole process, {trials:,} trials", str(len(own)), taken, size])
    named = {"numbers_seconds": "numbers and table", "seconds": "figures"}
    for trials in sorted({row["trials"] for row in paints}):
        own = where(paints, trials=trials)
        for value, shown in named.items():
            taken = seconds([row[value] for row in own])
            line = f"`dash`, from asking for the page to its {shown}, {trials:,} trials"
            lines.append([line, str(len(own)), taken, "–"])
    if not lines:
        return MISSING
    return table(["", "rounds", "seconds", "MB of the page"], lines)
