"""Files of a study that are damaged, exchanged or removed while it is away or at work."""

import random
import shutil
import signal

import pytest

from tests.faults.study import Ended, Study, harm, twin

pytestmark = pytest.mark.faults_all


def killed(study: Study, lines: int = 10) -> None:
    """Begin the study, and kill it when its journal has so many lines."""
    with study.started() as run:
        run.until_lines(lines)
        run.kill(signal.SIGKILL)
        run.wait()


def check_refused(ended: Ended, *words: str) -> None:
    """It has ended with one sentence, which has these words."""
    errors = [line for line in ended.err.splitlines() if line.startswith("error: ")]
    assert ended.code in (1, 2), ended.err
    assert len(errors) == 1, ended.err
    assert all(word in errors[0] for word in (*words,)), errors
    assert "unexpected" not in errors[0]


@pytest.mark.parametrize("whose", ["another study", "another trial", "an earlier study"])
def test_checkpoints_of_others_count_as_missing(tmp_path, whose):
    other = Study(tmp_path, name="other", run_options=(*Study.run_options, "--seed", "7"))
    study = Study(tmp_path, name="a-study" if whose != "an earlier study" else "other")
    assert other.run().code == 0
    if whose == "an earlier study":
        other.journal.unlink()
    killed(study)
    folder = study.store / "checkpoints" / study.name
    theirs = study.store / "checkpoints" / "other"
    if whose == "another study":
        for file in theirs.glob("*.npz"):
            shutil.copy(file, folder / file.name)
    elif whose == "another trial":
        content = (folder / "1.npz").read_bytes()
        for number in range(2, 7):
            (folder / f"{number}.npz").write_bytes(content)
    ended = study.resume()
    assert ended.code == 0, ended.err
    assert study.came() == twin()


@pytest.mark.parametrize("seed", range(3))
def test_damaged_checkpoints_count_as_missing(tmp_path, seed):
    study, rng = Study(tmp_path), random.Random(seed)
    killed(study)
    for file in (study.store / "checkpoints" / study.name).glob("*.npz"):
        content = bytearray(file.read_bytes())
        for _ in range(rng.choice((1, 3, 100))):
            content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
        file.write_bytes(bytes(content))
    ended = study.resume()
    assert ended.code == 0, ended.err
    assert study.came() == twin()


@pytest.mark.parametrize("damage", ["a bit", "a line missing", "lines exchanged", "CR"])
def test_a_damaged_journal_is_refused_until_it_is_put_back(tmp_path, damage):
    study, rng = Study(tmp_path), random.Random(1)
    killed(study, 12)
    content = study.journal.read_bytes()
    lines = content.splitlines(keepends=True)
    flipped = bytearray(content)
    flipped[rng.randrange(len(content) // 2)] ^= 4
    exchanged = [*lines[:4], lines[5], lines[4], *lines[6:]]
    study.journal.write_bytes(
        {
            "a bit": bytes(flipped),
            "a line missing": b"".join(lines[:4] + lines[5:]),
            "lines exchanged": b"".join(exchanged),
            "CR": content.replace(b"\n", b"\r"),
        }[damage]
    )
    damaged = study.journal.read_bytes()
    check_refused(study.resume(), "journal")
    assert study.journal.read_bytes() == damaged
    study.journal.write_bytes(content)
    assert study.resume().code == 0
    assert study.came() == twin()


def test_what_the_refusal_of_a_damaged_line_advises_brings_the_study_back(tmp_path):
    study = Study(tmp_path)
    killed(study, 12)
    lines = study.journal.read_bytes().splitlines(keepends=True)
    study.journal.write_bytes(b"".join([*lines[:8], lines[8].replace(b"1", b"2"), *lines[9:]]))
    check_refused(study.resume(), "line 9 is damaged", "`head -n 8`")
    study.journal.write_bytes(b"".join(lines[:8]))
    assert study.resume().code == 0
    assert study.came() == twin()


def test_a_journal_that_names_a_file_elsewhere_writes_nothing_outside_of_the_store(tmp_path):
    study = Study(tmp_path)
    killed(study)
    content = study.journal.read_bytes()
    study.journal.write_bytes(content.replace(b'"study":"a-study"', b'"study":"../../x"'))
    before = {path for path in tmp_path.rglob("*") if "mlruns" not in path.parts}
    for words in (["resume", study.name, "--quiet"], ["show", study.name], ["clean", study.name]):
        with study.command(*words) as command:
            check_refused(command.wait(), "journal", "line 1 is damaged")
    after = {path for path in tmp_path.rglob("*") if "mlruns" not in path.parts}
    assert {path.name for path in after - before if path.is_dir()} == {
        path.name for path in after - before if path.parent == tmp_path
    }
    study.journal.write_bytes(content)
    assert study.resume().code == 0
    assert study.came() == twin()


def test_a_study_whose_lock_file_is_removed_has_one_writer(tmp_path):
    study = Study(tmp_path)
    with study.started() as run:
        run.until_lines(6)
        run.kill(signal.SIGSTOP)  # so that it is there while the other one tries
        study.journal.with_suffix(".lock").unlink()
        check_refused(study.resume(), "is being run by another process")
        run.kill(signal.SIGCONT)
        assert run.wait().code == 0
    assert study.came() == twin()


def test_a_study_killed_while_it_exports_leaves_no_temporary_folder(tmp_path):
    study = Study(tmp_path)
    exports = study.store / "exports"
    with study.started() as run:
        run.until(lambda: any(exports.glob(".*")))
        run.kill(signal.SIGKILL)
        run.wait()
    assert list(exports.glob(".*")), "the kill came too late to show anything"
    assert study.resume().code == 0
    assert list(exports.glob(".*")) == []
    assert study.came() == twin()


@pytest.mark.parametrize("fault", ["floatx", "warnings", "recursion", "files", "stderr"])
@pytest.mark.parametrize("resumed", [False, True])
def test_what_a_trial_changes_in_its_process_changes_no_other_trial(tmp_path, fault, resumed):
    study = Study(tmp_path, env=harm(fault, units="4"))
    if resumed:
        killed(study, 7)
        ended = study.resume()
    else:
        ended = study.run()
    assert ended.code == 0, ended.err
    bad = next(name for name, trial in twin().trials.items() if '"units": 4' in trial[2])
    came, undisturbed = study.came().without(bad), twin().without(bad)
    assert (came.trials, came.curves, came.mlflow) == (
        undisturbed.trials,
        undisturbed.curves,
        undisturbed.mlflow,
    )


def test_a_good_study_beside_damaged_ones_is_shown_and_resumed(tmp_path):
    study = Study(tmp_path)
    killed(study)
    journals = study.journal.parent
    lines = study.journal.read_text().splitlines()
    (journals / "text-as-score.jsonl").write_text("\n".join(lines).replace("0.", '"0.') + "\n")
    (journals / "deep.jsonl").write_text("[" * 100_000 + "\n")
    (journals / "empty.jsonl").touch()
    with study.command("list") as command:
        ended = command.wait()
    assert ended.code == 0, ended.err
    assert sum("damaged: " in row for row in ended.out.splitlines()) == 3
    with study.command("doctor") as command:
        assert "ok   study a-study" in command.wait().out
    assert study.resume().code == 0
    assert study.came() == twin()
