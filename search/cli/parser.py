"""What may be said on the command line: commands and their options, from words and TOML files."""

import argparse
from pathlib import Path
from typing import NoReturn

from search.cli.config_file import parse_seconds, read_toml
from search.errors import UsageError, unknown_name
from search.space.narrowing import narrowed_name


def parse(arguments: list[str]) -> argparse.Namespace:
    """The options that these words mean, those of a `--config` file included.

    Raises: UsageError for words that mean none; SystemExit after `--help`.
    """
    whole, commands = parser()
    word = next((argument for argument in arguments if not argument.startswith("-")), None)
    if word is not None and word not in commands:
        raise unknown_name("command", word, commands)
    options = whole.parse_args(arguments)
    if getattr(options, "config", None) is None:
        return options
    words = _words_of_file(commands[options.command], options)
    # the file's words come before the command's own: of two for one option the later counts
    own = arguments.index(options.command) + 1
    try:
        return whole.parse_args([*arguments[:own], *words, *arguments[own:]])
    except UsageError as error:  # the command line alone was fine
        raise UsageError(f"{options.config}: {error}") from None


def _words_of_file(parser: argparse.ArgumentParser, given: argparse.Namespace) -> list[str]:
    """What the TOML file adds: a parameter narrowed on the command line is narrowed there only."""
    flags = {
        action.option_strings[-1].removeprefix("--"): action.nargs == 0
        for action in parser._actions
        if action.option_strings and action.dest not in ("help", "config", "debug")
    }
    narrowed = {narrowed_name(text) for text in given.set}
    return [
        word
        for word in read_toml(given.config, flags)
        if not word.startswith("--set=")
        or narrowed_name(word.removeprefix("--set=")) not in narrowed
    ]


class _Parser(argparse.ArgumentParser):
    """Reports wrong use as every other error is reported."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message}; see `{self.prog} --help`")


def _seconds(text: str) -> float:
    try:
        return parse_seconds(text)
    except UsageError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def parser() -> tuple[_Parser, dict[str, _Parser]]:
    """The whole parser, and that of each command by its word."""
    whole = _Parser(prog="python -m search", description="Hyperparameter search for Keras.")
    subparsers = whole.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands: dict[str, _Parser] = {}

    def command(word: str, about: str) -> _Parser:
        added: _Parser = subparsers.add_parser(word, help=about, description=about)
        added.add_argument("--debug", action="store_true", help="show traces of errors")
        commands[word] = added
        return added

    _run_options(command("run", "search a problem: start a new study"))
    resume = command("resume", "go on with a study, from exactly where it stopped")
    resume.add_argument("study")
    resume.add_argument("--trials", type=int, help="go on to this many trials in all")
    resume.add_argument("--time", type=_seconds, help="go on to this much active time in all")
    resume.add_argument(
        "--adopt",
        action="store_true",
        help="after a library upgrade: keep all results, let a new backend go on (not bit-exact)",
    )
    _watching(resume)
    _place(resume)
    listing = command("list", "what there is")
    listing.add_argument(
        "what", nargs="?", default="studies", choices=("problems", "backends", "studies")
    )
    _place(listing)
    show = command("show", "the results of a study, running or ended, or one of its trials")
    show.add_argument("study", metavar="STUDY[/TRIAL]")
    show.add_argument("--top", type=int, default=10, help="rows of the table (default 10)")
    show.add_argument("--json", action="store_true", help="everything, as one JSON document")
    _place(show)
    export = command("export", "write the model of a study's winner, or of any trial, to a folder")
    export.add_argument("study", metavar="STUDY[/TRIAL]")
    export.add_argument("--format", default="keras", help="keras (default) or savedmodel")
    export.add_argument("--to", type=Path, required=True, metavar="DIR")
    _data_dir(export)
    _place(export)
    _verify_options(command("verify", "train trials again and compare them with the record"))
    predict = command("predict", "what an exported model says of .npy, .npz, .csv or image files")
    predict.add_argument("export", type=Path, metavar="EXPORT", help="folder written by a search")
    predict.add_argument("input", type=Path, metavar="INPUT")
    predict.add_argument("--json", action="store_true")
    ui = command("ui", "open the MLflow UI on a study (by default the latest)")
    ui.add_argument("study", nargs="?")
    ui.add_argument("--port", type=int, default=5000)
    _place(ui)
    dash = command("dash", "a live page of a study (by default the latest), in the browser")
    dash.add_argument("study", nargs="?")
    dash.add_argument("--port", type=int, default=8050)
    _place(dash)
    _report_options(command("report", "studies as one HTML file that works offline"))
    doctor = command("doctor", "versions, data sources and the health of the store")
    doctor.add_argument("--rebuild", metavar="STUDY", help="write MLflow anew from the journal")
    _data_dir(doctor)
    _place(doctor)
    clean = command("clean", "delete checkpoints of all but the best trials of a study")
    clean.add_argument("study")
    clean.add_argument("--keep", type=int, default=1, help="how many to keep (default 1)")
    _place(clean)
    init = command("init", "write a problem file of your own to start from; it runs as it is")
    init.add_argument("file", type=Path, metavar="FILE.py")
    return whole, commands


def _run_options(run: argparse.ArgumentParser) -> None:
    run.add_argument(
        "problem", help="a word of `list problems`, a .py file, or package.module:NAME"
    )
    run.add_argument("--backend", default="hyperband", help="a word of `list backends`")
    run.add_argument("--trials", type=int, help="how many configurations, the baseline included")
    run.add_argument(
        "--max-epochs", type=int, help="most epochs per trial (default: the problem's)"
    )
    run.add_argument("--time", type=_seconds, help="stop after this much active time, e.g. 10m")
    run.add_argument("--seed", type=int, default=0, help="root of every random draw (default 0)")
    run.add_argument("--patience", type=int, help="epochs without improvement before a trial stops")
    run.add_argument(
        "--cv",
        type=int,
        metavar="K",
        help="cross-validate: training and validation data together make K folds, and each epoch "
        "trains K models; scores are means over the folds",
    )
    run.add_argument(
        "--factor",
        type=int,
        default=3,
        help="of hyperband and halving: the reduction factor (3)",
    )
    run.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUES",
        help="narrow the space: learning_rate=1e-3..1e-1, layers=1,2, optimizer=adam",
    )
    run.add_argument("--sampler", help="how the backend draws: a word that `list backends` shows")
    run.add_argument("--pruner", help="what stops trials early: a word that `list backends` shows")
    run.add_argument("--population", type=int, help="of nsga2: how many trials make a generation")
    run.add_argument("--generations", type=int, help="of nsga2: end after so many generations")
    run.add_argument("--study", help="name of the study (default: PROBLEM-BACKEND-1, -2, ...)")
    run.add_argument("--config", type=Path, metavar="FILE.toml", help="options from a file")
    _watching(run)
    _place(run)


def _verify_options(verify: argparse.ArgumentParser) -> None:
    verify.add_argument(
        "study",
        nargs="+",
        metavar="STUDY[/TRIAL]",
        help="a study, for its winner, or trials of one study",
    )
    which = verify.add_mutually_exclusive_group()
    which.add_argument("--all", action="store_true", help="every trial")
    which.add_argument("--sample", type=int, metavar="N", help="the winner and N - 1 others")
    verify.add_argument(
        "--fit",
        action="store_true",
        help="train by Keras's own fit, and compare within rounding (default: by the training "
        "loop of a study, bit for bit)",
    )
    verify.add_argument("--json", action="store_true", help="print one JSON document")
    _data_dir(verify)
    _place(verify)


def _report_options(report: argparse.ArgumentParser) -> None:
    report.add_argument("study", nargs="+", metavar="STUDY", help="several are compared")
    report.add_argument(
        "--to",
        type=Path,
        default=Path("report.html"),
        metavar="FILE.html",
        help="where to write it (default report.html); an earlier report is replaced",
    )
    report.add_argument(
        "--figures", type=Path, metavar="DIR", help="write each figure to DIR as a file as well"
    )
    report.add_argument(
        "--format", default="svg", choices=("svg", "png"), help="of --figures (default svg)"
    )
    _place(report)


def _watching(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--progress", default="auto", choices=("auto", "rich", "plain", "json"))
    parser.add_argument("--quiet", action="store_true", help="no progress")
    parser.add_argument(
        "--tensorboard", type=Path, metavar="DIR", help="write every trial to DIR/STUDY as well"
    )
    parser.add_argument("--json", action="store_true", help="print the result as one JSON document")
    parser.add_argument(
        "--keep-going",
        action="store_true",
        help="continue where the first three trials fail alike, which else ends the study",
    )
    _data_dir(parser)
    _workers(parser)


def _workers(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--workers",
        type=_worker_count,
        help="processes that train; auto (the default of a new study) is one per GPU or physical "
        "core; only --workers 1 repeats a study exactly",
    )
    parser.add_argument(
        "--cluster", metavar="ADDR", help="train on a Dask cluster: its scheduler's tcp://host:port"
    )
    parser.add_argument(
        "--trial-timeout", type=_seconds, metavar="TIME", help="most time for one trial's budget"
    )


def _worker_count(text: str) -> int | str:
    if text == "auto":
        return text
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be auto or a number from 1, got {text!r}")
    return int(text)


def _data_dir(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--data-dir", type=Path, help="where the data set's files lie (or SEARCH_DATA_DIR)"
    )


def _place(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--store", type=Path, default=Path("mlruns"), help="folder of studies (default ./mlruns)"
    )
