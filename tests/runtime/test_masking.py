"""No password of a tracking address appears in anything that is printed or recorded."""

import json

import pytest

from search.cli.main import main
from search.runtime.masking import masked
from search.study.journal import Journal
from search.study.store import Store
from tests.records import whole_life

SECRET = "p4ss/w@rd"  # written unquoted, as people do


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("http://me:pw@host:5000/x failed", "http://me:***@host:5000/x failed"),
        ("a http://u:p@h/ and mysql+pymysql://v:q@i/d", None),
        ("postgresql://:only@host", "postgresql://:***@host"),
        ("http://host:5000/#/experiments/1?q=a@b", "http://host:5000/#/experiments/1?q=a@b"),
        ("http://host/?access_token=abc&x=1", "http://host/?access_token=***&x=1"),
        ("write to me@home.org: now", "write to me@home.org: now"),
        (
            "http://h/#/x?viewStateShareKey=all&orderByKey=a",
            "http://h/#/x?viewStateShareKey=all&orderByKey=a",
        ),
        ("http://h/?api_key=abc&sslpassword=d", "http://h/?api_key=***&sslpassword=***"),
    ],
)
def test_a_password_is_masked_and_nothing_else(text, expected, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    expected = expected or "a http://u:***@h/ and mysql+pymysql://v:***@i/d"
    assert masked(text) == expected


def test_the_secrets_of_the_environment_are_masked_wherever_they_appear(monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"postgresql://me:{SECRET}@host/db")
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "token-of-mine")
    assert masked(f"refused {SECRET} and token-of-mine") == "refused *** and ***"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "postgresql://me:p%40ss@host/db")
    assert masked("p%40ss is p@ss") == "*** is ***"


@pytest.mark.parametrize(
    "words",
    [
        ("show", "demo-1", "--json"),
        ("doctor", "--rebuild", "demo-1"),
        ("doctor", "--rebuild", "demo-1", "--debug"),
        ("ui", "demo-1"),
        ("report", "demo-1", "--to", "REPORT"),
    ],
    ids=" ".join,
)
@pytest.mark.parametrize("scheme", ["http", "nodriver"])
def test_no_command_prints_the_password_and_each_says_what_to_do(
    words, scheme, tmp_path, monkeypatch, capsys
):
    with Journal.create(Store(tmp_path).journal("demo-1"), whole_life()):
        pass
    address = {"http": "127.0.0.1:9", "nodriver": "host/database"}[scheme]
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"{scheme}://me:s3cretword@{address}")
    words = [word.replace("REPORT", str(tmp_path / "r.html")) for word in words]
    main([*words, "--store", str(tmp_path)])
    printed = capsys.readouterr()
    assert "s3cretword" not in printed.out + printed.err
    assert "unexpected" not in printed.err
    if words[0] == "show":
        assert json.loads(printed.out)["mlflow"]["tracking_uri"] is None
    else:
        assert "MLflow" in printed.err
