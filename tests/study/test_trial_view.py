"""One trial as `show STUDY/TRIAL` has it: names that are promised, failures, what is unknown."""

from search.study.architecture import Layer, Network
from search.study.events import Asked, Told
from search.study.study_record import fold
from search.study.trial import Budget, Completed, Proposal
from search.study.trial_view import document, page
from tests.records import entries, whole_life


def test_the_document_is_the_trials_own_with_curve_and_network():
    network = Network((Layer("InputLayer", (4,)), Layer("Dense", (3,), 15, "softmax", (0,))))
    told = Told("1", Completed(0.5, 1, 1, 0.1, 15, network=network))
    record = fold(entries([Asked(Proposal("1", {"a": 1}, Budget(0, 1))), told]))
    shown = document(record, record.trials["1"], record.state)
    assert list(shown) == [
        *("study", "trial", "state", "score", "params", "epochs", "best_epoch", "seconds"),
        *("labels", "error", "spread", "curve", "network"),
    ]
    assert shown["network"]["layers"][1] == {
        **{"kind": "Dense", "shape": (3,), "parameters": 15, "activation": "softmax"},
        **{"inbound": (0,), "note": "", "name": ""},
    }


def test_a_promoted_trial_is_one_curve_and_a_journal_of_old_has_no_network():
    record = fold(whole_life())
    text = page(record, record.trials["2"], record.state, "unknown", "utf-8")
    assert text.splitlines() == [
        "trial 2 of demo-1: completed, val_accuracy 0.7000 at epoch 2",
        "3 epochs in 0:01; rung 1 bracket 1",
        "",
        "parameters",
        "  layers         3",
        "  learning_rate  0.03",
        "",
        "curve",
        "  val_accuracy   ▁█▅  0.6 to 0.65",
        "  loss           █▁▄  0.4 to 0.35",
        "  learning_rate  ▄▄▄  0.01 to 0.01",
        "",
        "network",
        "  unknown",
    ]
    assert document(record, record.trials["2"], record.state)["network"] is None


def test_a_failed_trial_says_of_what():
    record = fold(whole_life())
    text = page(record, record.trials["3"], record.state, "unknown", "ascii")
    assert text.startswith("trial 3 of demo-1: failed\n1 epoch in 0:00")
    assert "ValueError: no such optimizer" in text
