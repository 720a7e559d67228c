"""Define and parse the commands and options of the command line."""

import argparse
from pathlib import Path
from typing import NoReturn

from search.cli.config_file import parse_seconds, read_toml
from search.errors import UsageError, unknown_name
from search.export.base import FORMATS
from search.space.narrowing import narrowed_name
from search.trackers._modes import PROGRESS_MODES


def parse(arguments: list[str]) -> argparse.Namespace:
    """Parse arguments, including the options of a `--config` file.

    Raises: UsageError for invalid arguments; SystemExit after `--help`.
    """
    whole, commands = parser()
    word = next((argument for argument in arguments if not argument.startswith("-")), None)
    if word is not None and word not in commands:
        raise unknown_name("command", word, commands)
    options = whole.parse_args(arguments)
    if getattr(options, "config", None) is None:
        return options
    words = _words_of_file(commands[options.command], options)
    # The options of the file come first: argparse keeps the last value of a repeated option.
    start = arguments.index(options.command) + 1
    try:
        return whole.parse_args([*arguments[:start], *words, *arguments[start:]])
    except UsageError as error:  # the command line alone is valid: the file is the cause
        raise UsageError(f"{options.config}: {error}") from None


def _words_of_file(parser: argparse.ArgumentParser, given: argparse.Namespace) -> list[str]:
    """Return the arguments of the TOML file.

    Leave out a `--set` of the file for a parameter that the command line narrows.
    """
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
    """Raise UsageError for invalid arguments, instead of printing and exiting."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message.rstrip('.')}. See `{self.prog} --help`.")


def _seconds(text: str) -> float:
    try:
        return parse_seconds(text)
    except UsageError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def parser() -> tuple[_Parser, dict[str, _Parser]]:
    """Return the parser of the command line, and the parser of each command by its name."""
    whole = _Parser(prog="python -m search", description="Hyperparameter search for Keras.")
    subparsers = whole.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands: dict[str, _Parser] = {}

    def command(word: str, about: str) -> _Parser:
        added: _Parser = subparsers.add_parser(word, help=about, description=about)
        added.add_argument("--debug", action="store_true", help="show tracebacks of errors")
        commands[word] = added
        return added

    _run_options(command("run", "start a new study of a problem"))
    resume = command("resume", "continue a study exactly where it stopped")
    resume.add_argument("study", help="name of the study")
    resume.add_argument("--trials", type=int, help="continue to this total number of trials")
    resume.add_argument("--time", type=_seconds, help="continue to this total active time")
    resume.add_argument(
        "--adopt",
        action="store_true",
        help="after a library upgrade: keep all results and continue with a new backend (the "
        "continuation is not bit-exact)",
    )
    _tracking_options(resume)
    _store_option(resume)
    listing = command("list", "list problems, backends or studies")
    listing.add_argument(
        "what",
        nargs="?",
        default="studies",
        choices=("problems", "backends", "studies"),
        help="what to list (default studies)",
    )
    _store_option(listing)
    show = command("show", "show the results of a running or finished study, or of one trial")
    show.add_argument("study", metavar="STUDY[/TRIAL]", help="a study, or one of its trials")
    show.add_argument("--top", type=int, default=10, help="rows of the table (default 10)")
    show.add_argument("--json", action="store_true", help="print all results as one JSON document")
    _store_option(show)
    export = command("export", "export the model of a study's winner, or of any trial")
    export.add_argument(
        "study", metavar="STUDY[/TRIAL]", help="a study, for its winner, or one of its trials"
    )
    export.add_argument("--format", default="keras", help=f"{FORMATS[0]} (default) or {FORMATS[1]}")
    export.add_argument("--to", type=Path, required=True, metavar="DIR", help="folder to write")
    _data_dir(export)
    _store_option(export)
    _verify_options(command("verify", "retrain trials and compare them with the record"))
    predict = command("predict", "predict with an exported model")
    predict.add_argument(
        "export", type=Path, metavar="EXPORT", help="folder written by a search or by `export`"
    )
    predict.add_argument(
        "input", type=Path, metavar="INPUT", help="a .npy, .npz, .csv or image file"
    )
    predict.add_argument(
        "--json", action="store_true", help="print the predictions as one JSON document"
    )
    ui = command("ui", "open the MLflow UI at a study (default: the latest)")
    ui.add_argument("study", nargs="?", help="name of the study")
    ui.add_argument("--port", type=int, default=5000, help="port of the server (default 5000)")
    _store_option(ui)
    dash = command("dash", "serve a live page of a study (default: the latest)")
    dash.add_argument("study", nargs="?", help="name of the study")
    dash.add_argument("--port", type=int, default=8050, help="port of the server (default 8050)")
    _store_option(dash)
    _report_options(command("report", "write a report on studies as one HTML file"))
    doctor = command("doctor", "check package versions, data sources and the store")
    doctor.add_argument(
        "--rebuild", metavar="STUDY", help="write the study to MLflow again, from its journal"
    )
    _data_dir(doctor)
    _store_option(doctor)
    clean = command("clean", "delete the checkpoints of all but the best trials of a study")
    clean.add_argument("study", help="name of the study")
    clean.add_argument("--keep", type=int, default=1, help="number of trials to keep (default 1)")
    _store_option(clean)
    init = command("init", "write a runnable problem file to start from")
    init.add_argument("file", type=Path, metavar="FILE.py", help="file to create")
    return whole, commands


def _run_options(run: argparse.ArgumentParser) -> None:
    run.add_argument(
        "problem", help="a name shown by `list problems`, a .py file, or package.module:NAME"
    )
    run.add_argument(
        "--backend",
        default="hyperband",
        help="search algorithm: a name shown by `list backends` (default hyperband)",
    )
    run.add_argument("--trials", type=int, help="number of trials, including the baseline")
    run.add_argument(
        "--max-epochs", type=int, help="maximum epochs per trial (default: set by the problem)"
    )
    run.add_argument("--time", type=_seconds, help="stop after this active time, e.g. 10m")
    run.add_argument("--seed", type=int, default=0, help="seed of all random numbers (default 0)")
    run.add_argument("--patience", type=int, help="epochs without improvement before a trial stops")
    run.add_argument(
        "--cv",
        type=int,
        metavar="K",
        help="K-fold cross-validation on training and validation data together; each epoch trains "
        "K models, and scores are means over the folds",
    )
    run.add_argument(
        "--factor",
        type=int,
        default=3,
        help="reduction factor of hyperband and halving (default 3)",
    )
    run.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUES",
        help="narrow the space: learning_rate=1e-3..1e-1, layers=1,2, optimizer=adam",
    )
    run.add_argument(
        "--sampler", help="sampling algorithm of the backend: a name shown by `list backends`"
    )
    run.add_argument("--pruner", help="early-stopping rule: a name shown by `list backends`")
    run.add_argument("--population", type=int, help="trials per generation of nsga2")
    run.add_argument("--generations", type=int, help="number of generations of nsga2")
    run.add_argument("--study", help="name of the study (default: PROBLEM-BACKEND-1, -2, ...)")
    run.add_argument("--config", type=Path, metavar="FILE.toml", help="read options from a file")
    _tracking_options(run)
    _store_option(run)


def _verify_options(verify: argparse.ArgumentParser) -> None:
    verify.add_argument(
        "study",
        nargs="+",
        metavar="STUDY[/TRIAL]",
        help="a study, for its winner, or one or more trials of one study",
    )
    which = verify.add_mutually_exclusive_group()
    which.add_argument("--all", action="store_true", help="verify every trial")
    which.add_argument(
        "--sample", type=int, metavar="N", help="verify the winner and N - 1 other trials"
    )
    verify.add_argument(
        "--fit",
        action="store_true",
        help="train with Keras's fit and compare up to rounding (default: train with the loop of "
        "a study and compare bit for bit)",
    )
    verify.add_argument(
        "--json", action="store_true", help="print the results as one JSON document"
    )
    _data_dir(verify)
    _store_option(verify)


def _report_options(report: argparse.ArgumentParser) -> None:
    report.add_argument(
        "study", nargs="+", metavar="STUDY", help="one study, or several to compare"
    )
    report.add_argument(
        "--to",
        type=Path,
        default=Path("report.html"),
        metavar="FILE.html",
        help="file to write (default report.html); an existing report is replaced",
    )
    report.add_argument(
        "--figures", type=Path, metavar="DIR", help="also write each figure to a file in DIR"
    )
    report.add_argument(
        "--format",
        default="svg",
        choices=("svg", "png"),
        help="file format of --figures (default svg)",
    )
    _store_option(report)


def _tracking_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--progress",
        default="auto",
        choices=PROGRESS_MODES,
        help="progress display (default auto: rich in a terminal, otherwise plain)",
    )
    parser.add_argument("--quiet", action="store_true", help="show no progress")
    parser.add_argument(
        "--tensorboard", type=Path, metavar="DIR", help="also write every trial to DIR/STUDY"
    )
    parser.add_argument("--json", action="store_true", help="print the result as one JSON document")
    parser.add_argument(
        "--keep-going",
        action="store_true",
        help="continue when the first three trials fail with the same error (default: stop)",
    )
    _data_dir(parser)
    _workers(parser)


def _workers(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--workers",
        type=_worker_count,
        help="number of training processes; auto (default for a new study): one per GPU or "
        "physical core; only --workers 1 makes a study exactly reproducible",
    )
    parser.add_argument(
        "--cluster",
        metavar="ADDR",
        help="train on a Dask cluster: the scheduler address, tcp://host:port",
    )
    parser.add_argument(
        "--trial-timeout",
        type=_seconds,
        metavar="TIME",
        help="maximum time to train a trial to its next budget",
    )


def _worker_count(text: str) -> int | str:
    if text == "auto":
        return text
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not auto or a number of at least 1")
    return int(text)


def _data_dir(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--data-dir", type=Path, help="folder with the data files (default: SEARCH_DATA_DIR)"
    )


def _store_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--store", type=Path, default=Path("mlruns"), help="folder of studies (default ./mlruns)"
    )
