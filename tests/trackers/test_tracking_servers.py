"""A tracking server that hangs, is away or answers nonsense holds up no command."""

import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from search.cli.commands import common, doctor, report
from search.cli.main import main
from search.study.journal import Journal
from search.study.store import Store
from tests.records import whole_life


class Page(BaseHTTPRequestHandler):
    """Answers every request with a page for people."""

    status = 200

    def do_GET(self) -> None:
        self.send_response(self.status)
        self.end_headers()
        self.wfile.write(b"<html>welcome</html>")

    def do_POST(self) -> None:
        self.do_GET()

    def log_message(self, *_: object) -> None:
        """Keep the tests' output clean."""


class Broken(Page):
    """Answers every request with an error."""

    status = 500


@pytest.fixture(params=["hangs", "page", "error", "no such host", "no driver", "no scheme"])
def address(request) -> Iterator[str]:
    if request.param == "hangs":
        with socket.create_server(("127.0.0.1", 0)) as server:  # never accepts
            yield f"http://127.0.0.1:{server.getsockname()[1]}"
    elif request.param in ("page", "error"):
        handler = Page if request.param == "page" else Broken
        with HTTPServer(("127.0.0.1", 0), handler) as server:
            thread = threading.Thread(target=server.serve_forever)
            thread.start()
            yield f"http://127.0.0.1:{server.server_port}"
            server.shutdown()
            thread.join()
    else:
        yield {
            "no such host": "http://no.such.host.invalid:5000",
            "no driver": "mysql+nodriver://me@localhost/mlflow",
            "no scheme": "what:is:this",
        }[request.param]


def test_every_command_ends_and_says_what_to_do(address, tmp_path, monkeypatch, capsys):
    with Journal.create(Store(tmp_path).journal("demo-1"), whole_life()):
        pass
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
    monkeypatch.setattr(common, "_MLFLOW_SECONDS", 0.5)
    monkeypatch.setattr(report, "_UPLOAD_SECONDS", 0.5)
    monkeypatch.setattr(doctor, "_ANSWER_SECONDS", 0.5)
    commands = {
        ("list", "studies"): 0,
        ("show", "demo-1"): 0,
        ("show", "demo-1", "--json"): 0,
        ("report", "demo-1", "--to", str(tmp_path / "report.html")): 0,
        ("doctor", "--rebuild", "demo-1"): 1,
        ("ui", "demo-1"): 1,
    }
    for words, code in commands.items():
        assert main([*words, "--store", str(tmp_path)]) == code, words
        said = capsys.readouterr().err
        assert "unexpected" not in said
        assert "Traceback" not in said
        if words[0] in ("report", "doctor") or words[-1] == "--json":
            assert "MLFLOW_TRACKING_URI" in said, words
