"""Run a search in a child process, isolated from this process's TensorFlow, threads and signals."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from search import errors
from search.errors import SearchError, StudyInterrupted
from search.problem.pickling import PickledProblem

_MODULE = "search._child_server"


@dataclass(frozen=True, slots=True)
class Request:
    """A request to the child: command-line arguments, and the problem if it was given as object.

    `go_on`: continue the named study if it exists. `mlflow`: write the study to MLflow; a study in
    a temporary folder does not need it.
    """

    words: tuple[str, ...]
    pickled: PickledProblem | None = None
    go_on: bool = False
    mlflow: bool = True

    def write(self, stream: IO[bytes]) -> None:
        """Write the request: a line of JSON, then the pickled problem."""
        pickled, content = self.pickled, b""
        fields: dict[str, Any] = {"words": self.words, "carried": None}
        fields |= {"go_on": self.go_on, "mlflow": self.mlflow}
        if pickled is not None:
            content = pickled.content or b""
            fields["carried"] = {"name": pickled.name, "digest": pickled.digest}
            fields["bytes"] = len(content)
        stream.write(json.dumps(fields).encode() + b"\n" + content)
        stream.flush()

    @classmethod
    def read(cls, stream: IO[bytes]) -> "Request":
        """Read a request that `write` wrote."""
        fields = json.loads(stream.readline())
        pickled = None
        if fields["carried"] is not None:
            pickled = PickledProblem(**fields["carried"], content=stream.read(fields["bytes"]))
        return cls(tuple(fields["words"]), pickled, fields["go_on"], fields["mlflow"])


@dataclass(frozen=True, slots=True)
class Answer:
    """The result of a request: `said`, an error with the names of its classes, or an interrupt."""

    said: str | None = None
    error: tuple[str, ...] = ()
    interrupted: bool = False

    @classmethod
    def of(cls, error: SearchError) -> "Answer":
        """Return the answer for an error."""
        return cls(str(error), tuple(kind.__name__ for kind in type(error).__mro__))

    def dump(self) -> bytes:
        """Return the answer as JSON."""
        fields = {"said": self.said, "error": self.error, "interrupted": self.interrupted}
        return json.dumps(fields).encode()

    @classmethod
    def load(cls, content: bytes) -> "Answer":
        """Read an answer that `dump` wrote."""
        fields = json.loads(content)
        return cls(fields["said"], tuple(fields["error"]), fields["interrupted"])

    def unfolded(self) -> str:
        """Return the result, or raise the error.

        Raises: the error, as the nearest class of `search.errors`; StudyInterrupted after an
        interrupt, or KeyboardInterrupt if the study had not started.
        """
        if self.interrupted:
            raise StudyInterrupted(self.said) if self.said else KeyboardInterrupt
        if not self.error:
            return self.said or ""
        kind = next(vars(errors)[name] for name in self.error if name in vars(errors))
        raise kind(self.said)


def ask(request: Request) -> str:
    """Run a request in a child process and return its result.

    The output of the child, such as progress, is written to this process's `sys.stderr`. Ctrl-C
    here interrupts the child, and so does the end of this process. The child has the import path
    of this process.

    Raises: as `Answer.unfolded`; SearchError when the child exits without a result.
    """
    read_fd, write_fd = os.pipe()
    stream = None if sys.stderr is sys.__stderr__ else sys.stderr  # replaced in a notebook
    try:
        process = subprocess.Popen(
            # -P: sys.path of the child must be exactly that of this process
            [sys.executable, "-P", "-m", _MODULE, str(write_fd)],
            stdin=subprocess.PIPE,
            stdout=sys.__stderr__ if stream is None else subprocess.PIPE,
            stderr=None if stream is None else subprocess.STDOUT,
            pass_fds=(write_fd,),
            env={**os.environ, "PYTHONPATH": os.pathsep.join(_folders())},
            process_group=0,  # the child must get Ctrl-C once, from here, not from the terminal
        )
    except BaseException:
        os.close(read_fd)
        raise
    finally:
        os.close(write_fd)
    with open(read_fd, "rb", buffering=0) as reader, process, _passed_on(process, stream):
        content, interrupted = _conversation(process, request, reader)
    if not content and interrupted:  # before the child could answer
        raise KeyboardInterrupt
    if not content:
        raise SearchError(
            f"The search process exited without a result ({_end(process)}). See its output, then "
            "continue with search.resume(...)."
        )
    return Answer.load(content).unfolded()


def _conversation(
    process: subprocess.Popen[bytes], request: Request, reader: Any
) -> tuple[bytes, bool]:
    """Send the request and read the answer. Return the answer and whether Ctrl-C was pressed.

    Each Ctrl-C is passed on to the child.
    """
    assert process.stdin is not None  # because of stdin=PIPE
    content, interrupted = b"", False
    while True:
        try:
            if not interrupted:
                with contextlib.suppress(BrokenPipeError):  # the child has exited
                    request.write(process.stdin)
            while part := reader.read(65536):
                content += part
            return content, interrupted
        except KeyboardInterrupt:
            interrupted = True
            process.send_signal(signal.SIGINT)


@contextlib.contextmanager
def _passed_on(process: subprocess.Popen[bytes], stream: Any) -> Iterator[None]:
    """Copy the output of a process to a Python stream until the process ends."""
    source, stdin = process.stdout, process.stdin

    def pump() -> None:
        for line in source or ():
            stream.write(line.decode(errors="replace"))
            stream.flush()

    thread = threading.Thread(target=pump, daemon=True)
    thread.start()
    try:
        yield
    finally:
        if stdin is not None:
            stdin.close()  # the child ends when its standard input is closed
        thread.join()


def _folders() -> list[str]:
    return [str(Path(folder).absolute()) if folder == "" else folder for folder in sys.path]


def _end(process: subprocess.Popen[bytes]) -> str:
    code = process.wait()
    return f"signal {-code}" if code < 0 else f"exit code {code}"
